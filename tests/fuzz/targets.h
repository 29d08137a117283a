#pragma once

#include "base/bytes.h"

/// What is fuzzed: each function takes any bytes, and either parses them or ends in a base::Error, which it swallows.
/// Anything else is a defect: another exception, a crash, a sanitizer's report, a broken promise (checked by abort()).
namespace penstock::fuzz {

/// A chunk's head, read in pieces and as a whole, with look-ups in its tables.
void chunk_header(base::Bytes input);
/// A chunk, from the store to decoded samples. Seven bytes that choose the tensor's format come before it: see
/// make_corpus.py.
void chunk(base::Bytes input);
/// A compressed sample or chunk.
void lz4(base::Bytes input);
/// A file, asked for at the size that its own head claims. What this project's own decoder makes of it is what
/// libjpeg-turbo makes of it, pixels and errors; other files are decoded as loaders do it.
void jpeg(base::Bytes input);
/// An image file, asked for at the size that its own head claims, in all color orders. The file's checksums are mended
/// first, else nearly every mutation ends there.
void png(base::Bytes input);
/// An image file, asked for at the size that it claims, in all color orders.
void webp(base::Bytes input);
/// Uncompressed pixels: height, width, channels, bytes of an element, color order, then the pixels.
void raw(base::Bytes input);

}  // namespace penstock::fuzz
