#include "decode/jpeg/rows.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "decode/jpeg/coefficients.h"
#include "decode/jpeg/colour.h"
#include "decode/jpeg/headers.h"
#include "decode/jpeg/idct.h"
#include "decode/jpeg/packed.h"
#include "decode/jpeg/planes.h"
#include "decode/jpeg/turbo_reader.h"
#include "decode/jpeg/upsample.h"
#include "decode/jpeg/zigzag.h"

namespace penstock::decode::jpeg {
namespace {

/// What becomes of a component on its way to pixels.
struct Channel {
  Component component;
  BlockRows blocks;
  Plane plane;
  std::size_t width = 0;  ///< in samples
  std::size_t height = 0;
};

class Rows final : public base::RowSource {
 public:
  /// `encoded`: the file, for libjpeg-turbo; empty where there is none.
  Rows(base::Bytes encoded, const ImageSize& size, Color color, bool padded, Headers headers,
       std::unique_ptr<CoefficientSource> coefficients)
      : encoded_(encoded),
        size_(size),
        color_(color),
        padded_(padded),
        headers_(std::move(headers)),
        coefficients_(std::move(coefficients)) {
    const bool is_gray = color == Color::kGray || (color == Color::kNative && size.channels == 1);
    if (!is_gray) {
      const bool blue_first = color == Color::kBgr;
      order_ = padded ? (blue_first ? PixelOrder::kBgrx : PixelOrder::kRgbx)
                      : (blue_first ? PixelOrder::kBgr : PixelOrder::kRgb);
    }
    channels_ = is_gray ? 1 : static_cast<std::uint32_t>(bytes_of(*order_));
    const Component& luma = headers_.components[0];
    const std::size_t needed = is_gray ? 1 : headers_.components.size();
    parts_.reserve(needed);
    for (std::size_t i = 0; i < needed; ++i) {
      const Component& component = headers_.components[i];
      const std::size_t blocks = coefficients_->mcus_of_a_row() * component.across;
      BlockRows rows(component.down, blocks, blocks_of_a_group());
      const std::size_t width = rows.groups() * blocks_of_a_group() * 8;
      parts_.push_back({component, std::move(rows), Plane(component.down * 8U, width),
                        (size.width * component.across + luma.across - 1) / luma.across,
                        (size.height * component.down + luma.down - 1) / luma.down});
    }
    keep_columns(0, size.width);
    if (needed == 3 && (luma.across > 1 || luma.down > 1)) {
      upsampled_.resize(2 * upsampled_stride());
    }
  }

  std::uint32_t height() const override { return size_.height; }
  std::uint32_t width() const override { return size_.width; }
  std::uint32_t channels() const override { return channels_; }

  void read(std::uint8_t* rows, std::size_t stride, std::uint32_t count) override {
    for (; count > 0 && other_ == nullptr; --count) {
      if (!read_row(rows)) {
        begin_anew();
        break;
      }
      rows += stride;
      ++next_;
    }
    if (count > 0) other_->read(rows, stride, count);
  }

  void skip(std::uint32_t count) override {
    if (other_ != nullptr) return other_->skip(count);
    next_ += count;
  }

  void keep_columns(std::uint32_t begin, std::uint32_t end) override {
    begin_ = begin;
    end_ = end;
    const std::size_t width = headers_.components[0].across * 8U;
    // Smooth chroma takes one sample more on either side.
    constexpr std::size_t kBeside = 2;
    needed_ = {(begin - std::min<std::size_t>(begin, kBeside)) / width,
               std::min(coefficients_->mcus_of_a_row(), (end + kBeside + width - 1) / width)};
  }

  void finish() override {
    if (other_ == nullptr && !ended_well()) begin_anew();
    if (other_ != nullptr) other_->finish();
  }

  /// Whether libjpeg-turbo has taken over.
  bool is_unusual() const { return other_ != nullptr; }

 private:
  std::size_t upsampled_stride() const { return size_.width + 2 * kRowPadding; }

  /// The rows of MCUs that a row of pixels needs, the first and the last.
  std::pair<std::size_t, std::size_t> mcus_for(std::size_t row) const {
    const Component& luma = headers_.components[0];
    const std::size_t own = row / (luma.down * 8U);
    if (parts_.size() == 1 || luma.down == 1) return {own, own};
    return std::minmax(own, far_row(row) / 8);
  }

  /// The row of chroma that comes next to the nearest one, where it has half the height.
  std::size_t far_row(std::size_t row) const {
    const std::size_t near = row / 2, last = parts_[1].height - 1;
    return row % 2 == 1 ? std::min(near + 1, last) : near - (near > 0 ? 1 : 0);
  }

  bool read_row(std::uint8_t* pixels) {
    const auto [first, last] = mcus_for(next_);
    for (; done_ < first; ++done_) {
      if (!coefficients_->pass_over_row()) return false;
    }
    for (; done_ <= last; ++done_) {
      if (!read_mcus()) return false;
    }
    const std::uint8_t* const luma = parts_[0].plane.row(next_) + begin_;
    const std::size_t count = end_ - begin_;
    pixels += begin_ * channels_;
    if (!order_) {
      std::memcpy(pixels, luma, count);
    } else if (parts_.size() == 1) {
      convert_gray(luma, count, *order_, pixels);
    } else {
      convert_ycc(luma, chroma(1) + begin_, chroma(2) + begin_, count, *order_, pixels);
    }
    return true;
  }

  /// A row of chroma at the places of luma.
  const std::uint8_t* chroma(std::size_t number) {
    Channel& part = parts_[number];
    const std::size_t ratio = headers_.components[0].across;
    const bool is_wide = ratio == 1, is_high = headers_.components[0].down == 1;
    if (is_wide && is_high) return part.plane.row(next_);
    std::uint8_t* const row = upsampled_.data() + (number - 1) * upsampled_stride();
    const std::size_t first = begin_ / ratio, count = (end_ + ratio - 1) / ratio - first;
    std::uint8_t* const to = row + first * ratio;
    if (ratio == 4) {
      repeat(part.plane.row(next_) + first, count, to);
      return row;
    }
    if (is_high) {
      widen(part.plane.row(next_) + first, count, to);
      return row;
    }
    const std::uint8_t* const near = part.plane.row(next_ / 2) + first;
    const std::uint8_t* const far = part.plane.row(far_row(next_)) + first;
    if (is_wide) {
      between(near, far, next_ % 2 == 1, count, to);
    } else {
      widen_between(near, far, count, to);
    }
    return row;
  }

  bool read_mcus() {
    std::array<BlockRows*, 3> into{};
    for (std::size_t i = 0; i < parts_.size(); ++i) into[i] = &parts_[i].blocks;
    if (!coefficients_->read_row(into, needed_)) return false;
    const std::size_t group = blocks_of_a_group();
    for (Channel& part : parts_) {
      const std::size_t begin = needed_.begin * part.component.across / group;
      const std::size_t end = (needed_.end * part.component.across + group - 1) / group;
      for (std::size_t down = 0; down < part.component.down; ++down) {
        const std::size_t first = (done_ * part.component.down + down) * 8;
        const BlockRow row{.coefficients = part.blocks.row(down) + begin * group * kBlock,
                           .details = part.blocks.details(down) + begin * group,
                           .groups = end - begin,
                           .steps = &headers_.quantisations[part.component.quantisation],
                           .pixels = part.plane.row(first) + begin * group * 8,
                           .stride = part.plane.stride()};
        if (!transform_back(row)) return false;
        part.plane.extend(first, part.width);
      }
    }
    return true;
  }

  bool ended_well() {
    for (; done_ < coefficients_->rows(); ++done_) {
      if (!coefficients_->pass_over_row()) return false;
    }
    return coefficients_->ended_well();
  }

  /// libjpeg-turbo from the start, past what has been given.
  void begin_anew() {
    if (encoded_.empty()) {
      throw base::Error(base::ErrorKind::kDecode, "the image's coefficients, which were kept of it, are damaged");
    }
    other_ = std::make_unique<TurboReader>(encoded_, size_, color_, padded_);
    other_->skip(static_cast<std::uint32_t>(next_));
  }

  base::Bytes encoded_;
  ImageSize size_;
  Color color_;
  bool padded_;
  std::uint32_t channels_ = 0;
  std::optional<PixelOrder> order_;  ///< of what is not gray
  Headers headers_;
  std::unique_ptr<CoefficientSource> coefficients_;
  std::vector<Channel> parts_;  ///< those that pixels are made of
  std::vector<std::uint8_t> upsampled_;
  std::size_t begin_ = 0, end_ = 0;  ///< columns that are needed
  McuRange needed_ = {};             ///< and the MCUs that they need
  std::size_t done_ = 0;             ///< rows of MCUs
  std::size_t next_ = 0;             ///< row of pixels
  std::unique_ptr<TurboReader> other_;
};

/// Rows whose coefficients are kept when they have been read to their end.
class KeptRows final : public base::RowSource {
 public:
  /// `packing`: what `rows` read from.
  KeptRows(std::unique_ptr<Rows> rows, const PackingSource& packing, Keep keep)
      : rows_(std::move(rows)), packing_(packing), keep_(std::move(keep)) {}

  std::uint32_t height() const override { return rows_->height(); }
  std::uint32_t width() const override { return rows_->width(); }
  std::uint32_t channels() const override { return rows_->channels(); }
  void read(std::uint8_t* rows, std::size_t stride, std::uint32_t count) override { rows_->read(rows, stride, count); }
  void skip(std::uint32_t count) override { rows_->skip(count); }
  void keep_columns(std::uint32_t begin, std::uint32_t end) override { rows_->keep_columns(begin, end); }
  void finish() override {
    rows_->finish();
    if (rows_->is_unusual()) return;
    if (std::optional<base::OwnedBytes> packed = packing_.packed()) keep_(std::move(*packed));
  }

 private:
  const std::unique_ptr<Rows> rows_;
  const PackingSource& packing_;
  const Keep keep_;
};

bool is_of(const Headers& headers, const ImageSize& size) {
  return headers.height == size.height && headers.width == size.width && headers.components.size() == size.channels;
}

}  // namespace

std::unique_ptr<base::RowSource> open_rows(base::Bytes encoded, const ImageSize& size, Color color, bool padded,
                                           Keep keep) {
  if (blocks_of_a_group() == 0) return nullptr;
  std::optional<Headers> headers = read_headers(encoded);
  if (!headers || !is_of(*headers, size)) return nullptr;
  std::unique_ptr<CoefficientReader> coefficients = CoefficientReader::open(encoded, *headers, blocks_of_a_group());
  if (coefficients == nullptr) return nullptr;
  if (!keep) {
    return std::make_unique<Rows>(encoded, size, color, padded, std::move(*headers), std::move(coefficients));
  }
  auto packing = std::make_unique<PackingSource>(std::move(coefficients), *headers, blocks_of_a_group());
  const PackingSource& packed = *packing;
  auto rows = std::make_unique<Rows>(encoded, size, color, padded, std::move(*headers), std::move(packing));
  return std::make_unique<KeptRows>(std::move(rows), packed, std::move(keep));
}

std::unique_ptr<base::RowSource> open_packed_rows(base::Bytes packed, const ImageSize& size, Color color, bool padded) {
  std::optional<Headers> headers = PackedSource::headers(packed);
  if (!headers || !is_of(*headers, size) || blocks_of_a_group() == 0) return nullptr;
  auto coefficients = std::make_unique<PackedSource>(packed, *headers);
  return std::make_unique<Rows>(base::Bytes(), size, color, padded, std::move(*headers), std::move(coefficients));
}

}  // namespace penstock::decode::jpeg
