#pragma once

#include "support/bytes.h"
#include "support/jpeg_files.h"

namespace penstock::test {

/// A WebP of 3 or 4 channels. Lossless ones keep every byte, the colors under full transparency excepted.
ByteVector encode_webp(const Picture& picture, bool lossless);

}  // namespace penstock::test
