#pragma once

#include <memory>

#include "format/chunk.h"

namespace penstock::decode {

/// Of a chunk that is one image file, with its samples side by side from the left, each at the top: the chunk with the
/// samples' own pixels one after the other, and with byte positions, which such a chunk lacks. Errors: kChunkFormat
/// when the samples' shapes do not go together, else as decode_image().
std::shared_ptr<const format::Chunk> unstack_images(const format::Chunk& stored);

}  // namespace penstock::decode
