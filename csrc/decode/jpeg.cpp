#include "decode/jpeg.h"

#include <memory>
#include <utility>

#include "decode/image_header.h"
#include "decode/jpeg/rows.h"
#include "decode/jpeg/turbo_reader.h"

namespace penstock::decode {
namespace {

/// A JPEG needs a bit for each block of 64 coefficients; a gray image may come out in three channels.
std::optional<std::uint64_t> most_bytes(std::uint64_t encoded_bytes, std::uint64_t /*item_size*/) {
  return base::checked_multiply(encoded_bytes, std::uint64_t{8} * 64 * 4 * 3);
}

std::unique_ptr<base::RowSource> open_and_keep(base::Bytes encoded, const ImageSize& size, Color color, bool padded,
                                               Keep keep) {
  if (auto own = jpeg::open_rows(encoded, size, color, padded, std::move(keep))) return own;
  return std::make_unique<TurboReader>(encoded, size, color, padded);
}

void decode(base::Bytes encoded, const ImageSize& size, std::uint32_t /*item_size*/, Color color,
            base::MutableBytes pixels) {
  const std::unique_ptr<base::RowSource> rows = open_and_keep(encoded, size, color, /*padded=*/false, {});
  rows->read(reinterpret_cast<std::uint8_t*>(pixels.data()), std::size_t{size.width} * rows->channels(), size.height);
  rows->finish();
}

std::unique_ptr<base::RowSource> open(base::Bytes encoded, const ImageSize& size, Color color) {
  return open_and_keep(encoded, size, color, /*padded=*/true, {});
}

}  // namespace

const Codec kJpeg{.compression = format::Compression::kJpeg,
                  .name = "jpeg",
                  .title = "JPEG",
                  .only_uint8 = true,
                  .makes_gray = true,
                  .most_bytes = &most_bytes,
                  .decode = &decode,
                  .open = &open,
                  .header = &read_jpeg_header,
                  .stated_size = nullptr,
                  .open_and_keep = &open_and_keep,
                  .open_kept = &jpeg::open_packed_rows};

}  // namespace penstock::decode
