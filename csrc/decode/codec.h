#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/row_source.h"
#include "decode/image.h"
#include "format/tensor_format.h"

namespace penstock::decode {

/// What an encoded image says of itself before its pixels.
struct ImageHeader {
  base::Shape shape;  ///< height, width, channels
  /// Every decoder gives the same array. Not so of a PNG with a palette, with packed gray, or with 16 bits in a tensor
  /// of 8, which each library expands in its own way.
  bool plain = true;
};

/// Takes what may be kept of an image in the place of its file: what takes most of the time to decode it is done there.
using Keep = std::function<void(base::OwnedBytes)>;

/// One way in which images are stored: a file of its own, and a line in codecs.cpp. Functions that are null are what
/// the codec does not have.
struct Codec {
  format::Compression compression;
  const char* name;   ///< Deep Lake's
  const char* title;  ///< in messages
  bool only_uint8;    ///< has no other elements
  bool makes_gray;    ///< by itself; of others gray is made of RGB
  /// The most bytes of pixels that so many encoded bytes can stand for, or nothing where that is beyond 64 bits.
  std::optional<std::uint64_t> (*most_bytes)(std::uint64_t encoded_bytes, std::uint64_t item_size);
  /// Decodes into `pixels`, which has exactly the bytes of decoded_shape(). Errors as decode_image().
  void (*decode)(base::Bytes encoded, const ImageSize& size, std::uint32_t item_size, Color color,
                 base::MutableBytes pixels);
  /// Rows as they are decoded; without it, an image is decoded at once.
  std::unique_ptr<base::RowSource> (*open)(base::Bytes encoded, const ImageSize& size, Color color);
  /// What the head of a file says. Error kDecode when it says nothing sensible.
  ImageHeader (*header)(base::Bytes encoded, std::uint32_t item_size);
  /// The size that a file states of itself, where that bounds its pixels and the number of its bytes does not.
  ImageSize (*stated_size)(base::Bytes encoded);
  /// As open(), with pixels of four bytes where it is `padded`; `keep` gets at the end what is worth it.
  std::unique_ptr<base::RowSource> (*open_and_keep)(base::Bytes encoded, const ImageSize& size, Color color,
                                                    bool padded, Keep keep) = nullptr;
  /// The same image of what was kept; null where that is not of an image of this size.
  std::unique_ptr<base::RowSource> (*open_kept)(base::Bytes kept, const ImageSize& size, Color color,
                                                bool padded) = nullptr;
};

}  // namespace penstock::decode
