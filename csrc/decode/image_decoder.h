#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "base/row_source.h"
#include "decode/codec.h"
#include "decode/image.h"
#include "format/tensor_format.h"

namespace penstock::decode {

/// Whether images of a kind have something that is worth keeping in the place of the file.
bool can_be_kept(format::Compression compression);

/// Decodes one image into `pixels`, which has exactly the bytes of decoded_shape(). `item_size` is the element's bytes
/// (1, or 2 for 16-bit PNG and raw). `keep`, where can_be_kept(), gets what is worth it of an image that is sound.
/// Errors: kDecode when the bytes cannot be decoded or decode to another size than `stored`, kUnsupported for variants
/// that are not read.
void decode_image(format::Compression compression, base::Bytes encoded, const base::Shape& stored,
                  std::uint32_t item_size, Color color, base::MutableBytes pixels, const Keep& keep = {});

/// The same image of what was kept of it.
void decode_kept(format::Compression compression, base::Bytes kept, const base::Shape& stored, Color color,
                 base::MutableBytes pixels);

/// Begins to decode an image of uint8: row by row where its codec can, others at once. `encoded` must outlive the rows.
/// Errors as decode_image, now or while rows are read.
std::unique_ptr<base::RowSource> open_image(format::Compression compression, base::Bytes encoded,
                                            const base::Shape& stored, Color color, const Keep& keep = {});

/// The same image of what was kept of it, which must outlive the rows.
std::unique_ptr<base::RowSource> open_kept(format::Compression compression, base::Bytes kept, const base::Shape& stored,
                                           Color color);

/// Reads the head of an image file. `item_size` is the element's bytes. Error kDecode when it says nothing sensible,
/// kUnsupported for codecs whose heads are not read.
ImageHeader read_image_header(format::Compression compression, base::Bytes encoded, std::uint32_t item_size);

}  // namespace penstock::decode
