#include "transform/masks/bitmap_masks.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <string>
#include <utility>

#include "base/error.h"

namespace penstock::transform {
namespace {

// Note [Masks move once]: every operation on bitmaps is a gather along rows and one along columns, or puts a constant
// around them. A chain of such operations is again one, so the chain is kept as two index maps, and the bytes are
// moved when they leave, or when an operation needs to see them (areas, boxes, CopyPaste). Most of an object's bytes
// are 0: only the rectangle that holds the others is looked at.

std::string text_of(Extent extent) { return std::to_string(extent.width) + "x" + std::to_string(extent.height); }

[[noreturn]] void refuse(const std::string& cause) { throw base::Error(base::ErrorKind::kTransform, cause); }

std::size_t area_of(Extent extent) {
  return static_cast<std::size_t>(extent.height) * static_cast<std::size_t>(extent.width);
}

/// cv2's saturate_cast: to the nearest, halves to even; what no int holds becomes 0.
std::uint8_t saturated(double value) {
  if (!(std::abs(value) < 0x1p31)) return 0;
  return static_cast<std::uint8_t>(std::nearbyint(std::clamp(value, 0.0, 255.0)));
}

/// One row of a patch through the column map: columns that follow one another are copied as a block.
class ColumnGather {
 public:
  ColumnGather(const IndexMap& columns, const MaskPatch& patch)
      : stretch_(positions_of(columns, patch.left, patch.left + patch.width)),
        indices_(columns.data() + stretch_.begin),
        left_(patch.left) {
    const std::int32_t length = stretch_.end - stretch_.begin;
    if (length == 0) return;
    // Each step counts: two resizes may repeat columns and leave others out, and have the ends of neither.
    if (goes_by(1, length)) {
      kind_ = Kind::kForward;
    } else if (goes_by(-1, length)) {
      kind_ = Kind::kBackward;
    }
  }

  void run(const std::uint8_t* patch_row, std::uint8_t* out) const {
    const std::int32_t length = stretch_.end - stretch_.begin;
    if (length == 0) return;
    out += stretch_.begin;
    const std::uint8_t* first = patch_row + (indices_[0] - left_);
    switch (kind_) {
      case Kind::kForward:
        std::memcpy(out, first, static_cast<std::size_t>(length));
        break;
      case Kind::kBackward:
        std::reverse_copy(first - (length - 1), first + 1, out);
        break;
      case Kind::kGather:
        for (std::int32_t x = 0; x < length; ++x) out[x] = patch_row[indices_[x] - left_];
        break;
    }
  }

 private:
  enum class Kind { kGather, kForward, kBackward };

  bool goes_by(std::int32_t step, std::int32_t length) const {
    const auto other = [step](std::int32_t here, std::int32_t next) { return next - here != step; };
    return std::adjacent_find(indices_, indices_ + length, other) == indices_ + length;
  }

  Stretch stretch_;
  const std::int32_t* indices_;
  std::int32_t left_;
  Kind kind_ = Kind::kGather;
};

}  // namespace

BitmapMasks::BitmapMasks(MaskPatches source)
    : source_(std::move(source)),
      objects_(source_.patches.size()),
      rows_(identity_map(source_.extent.height)),
      columns_(identity_map(source_.extent.width)) {
  std::iota(objects_.begin(), objects_.end(), std::size_t{0});
}

Extent BitmapMasks::extent() const {
  return {static_cast<std::int32_t>(rows_.size()), static_cast<std::int32_t>(columns_.size())};
}

std::size_t BitmapMasks::byte_count() const { return size() * area_of(extent()); }

std::int32_t BitmapMasks::new_border(std::uint8_t value) {
  moved_ = true;
  borders_.push_back(value);
  return -static_cast<std::int32_t>(borders_.size());
}

void BitmapMasks::resize(Extent wanted) {
  if (wanted.height < 1 || wanted.width < 1 || rows_.empty() || columns_.empty()) {
    refuse("masks of " + text_of(extent()) + " cannot be resized to " + text_of(wanted));
  }
  if (wanted == extent()) return;
  moved_ = true;
  resize_nearest(rows_, wanted.height);
  resize_nearest(columns_, wanted.width);
}

void BitmapMasks::flip(bool horizontal, bool vertical) {
  moved_ = moved_ || horizontal || vertical;
  if (horizontal) std::reverse(columns_.begin(), columns_.end());
  if (vertical) std::reverse(rows_.begin(), rows_.end());
}

void BitmapMasks::pad(Extent wanted, double value) {
  const Extent now = extent();
  if (wanted == now) return;
  const Extent padded{std::max(wanted.height, now.height), std::max(wanted.width, now.width)};
  const std::int32_t border = new_border(saturated(value));
  surround(rows_, 0, padded.height, border);
  surround(columns_, 0, padded.width, border);
  if (padded != wanted) reshape(wanted);
}

void BitmapMasks::reshape(Extent wanted) {
  const std::size_t bytes = byte_count();
  const std::size_t area = area_of(wanted);
  if (area == 0 || bytes % area != 0) {
    refuse(std::to_string(size()) + " masks of " + text_of(extent()) + " are larger than " + text_of(wanted) +
           ", to which they should be padded");
  }
  auto all = std::make_shared_for_overwrite<std::uint8_t[]>(bytes);
  write(std::as_writable_bytes(std::span(all.get(), bytes)));
  settle_into(std::move(all), bytes / area, wanted);
}

void BitmapMasks::crop(std::int32_t left, std::int32_t top, std::int32_t right, std::int32_t bottom) {
  const Extent now = extent();
  left = std::clamp(left, 0, now.width);
  top = std::clamp(top, 0, now.height);
  const std::int32_t width = std::max(std::clamp(right, 0, now.width) - left, 1);
  const std::int32_t height = std::max(std::clamp(bottom, 0, now.height) - top, 1);
  moved_ = true;
  // A box beyond the last row or column holds no pixel: MMDetection is left without objects, and without an error.
  if (left == now.width || top == now.height) {
    objects_.clear();
    rows_.assign(static_cast<std::size_t>(height), 0);
    columns_.assign(static_cast<std::size_t>(width), 0);
    return;
  }
  cut(rows_, top, top + height);
  cut(columns_, left, left + width);
}

void BitmapMasks::expand(Extent wanted, std::int32_t left, std::int32_t top) {
  const Extent now = extent();
  if (left < 0 || top < 0 || wanted.height - top < now.height || wanted.width - left < now.width) {
    refuse("masks of " + text_of(now) + " do not fit into " + text_of(wanted) + " at (" + std::to_string(left) + ", " +
           std::to_string(top) + ")");
  }
  if (wanted == now) return;
  const std::int32_t border = new_border(0);
  surround(rows_, top, wanted.height, border);
  surround(columns_, left, wanted.width, border);
}

void BitmapMasks::select(std::span<const std::size_t> objects) { take("masks", objects_, objects); }

void BitmapMasks::fill_border_row(std::int32_t row, std::span<std::uint8_t> out) const {
  for (std::size_t x = 0; x < out.size(); ++x) {
    // Later borders have smaller numbers, and what is no border has none below 0.
    const std::int32_t border = std::min(row, columns_[x]);
    out[x] = border < 0 ? borders_[static_cast<std::size_t>(-border - 1)] : std::uint8_t{0};
  }
}

void BitmapMasks::write_object(const MaskPatch& patch, const std::vector<std::uint8_t>& border,
                               std::uint8_t* out) const {
  const std::size_t width = columns_.size();
  const ColumnGather gather(columns_, patch);
  for (std::size_t y = 0; y < rows_.size(); ++y, out += width) {
    const std::int32_t row = rows_[y];
    if (y > 0 && row == rows_[y - 1]) {
      std::memcpy(out, out - width, width);
    } else if (row < 0) {
      fill_border_row(row, {out, width});
    } else {
      std::memcpy(out, border.data(), width);
      const std::int32_t inner = row - patch.top;
      if (inner >= 0 && inner < patch.height) gather.run(source_.row(patch, inner), out);
    }
  }
}

void BitmapMasks::write(base::MutableBytes out) const {
  if (out.size() != byte_count()) {
    refuse("masks of " + std::to_string(byte_count()) + " bytes cannot be written to " + std::to_string(out.size()));
  }
  if (out.empty()) return;
  std::vector<std::uint8_t> border(columns_.size());
  fill_border_row(0, border);
  auto* place = reinterpret_cast<std::uint8_t*>(out.data());
  for (std::size_t object = 0; object < size(); ++object, place += area_of(extent())) {
    write_object(patch_of(object), border, place);
  }
}

void BitmapMasks::settle() {
  if (!moved_) {
    if (tight_) return;
    for (MaskPatch& patch : source_.patches) tighten(source_, patch);
    tight_ = true;
    return;
  }
  auto bytes = std::make_shared_for_overwrite<std::uint8_t[]>(byte_count());
  write(std::as_writable_bytes(std::span(bytes.get(), byte_count())));
  settle_into(std::move(bytes), size(), extent());
}

void BitmapMasks::settle_into(std::shared_ptr<std::uint8_t[]> bytes, std::size_t objects, Extent extent) {
  *this = BitmapMasks({extent, std::vector<MaskPatch>(objects), std::move(bytes)});
  for (std::size_t object = 0; object < objects; ++object) {
    MaskPatch& patch = source_.patches[object];
    patch = {0, 0, extent.width, extent.height, object * area_of(extent), static_cast<std::size_t>(extent.width)};
    tighten(source_, patch);
  }
  tight_ = true;
}

std::vector<double> BitmapMasks::areas() {
  settle();
  std::vector<double> areas;
  for (std::size_t object = 0; object < size(); ++object) {
    const MaskPatch patch = patch_of(object);
    std::uint64_t total = 0;
    for (std::int32_t y = 0; y < patch.height; ++y) {
      const std::uint8_t* const row = source_.row(patch, y);
      total += std::accumulate(row, row + patch.width, std::uint64_t{0});
    }
    areas.push_back(static_cast<double>(total));
  }
  return areas;
}

Boxes BitmapMasks::boxes() {
  settle();
  Boxes boxes;
  for (std::size_t object = 0; object < size(); ++object) {
    const MaskPatch patch = patch_of(object);
    boxes.push_back({static_cast<float>(patch.left), static_cast<float>(patch.top),
                     static_cast<float>(patch.left + patch.width), static_cast<float>(patch.top + patch.height)});
  }
  return boxes;
}

std::vector<std::uint8_t> BitmapMasks::any() {
  settle();
  const std::size_t width = columns_.size();
  std::vector<std::uint8_t> covered(area_of(extent()));
  for (std::size_t object = 0; object < size(); ++object) {
    const MaskPatch patch = patch_of(object);
    for (std::int32_t y = 0; y < patch.height; ++y) {
      const std::uint8_t* const row = source_.row(patch, y);
      std::uint8_t* const out = covered.data() + static_cast<std::size_t>(patch.top + y) * width + patch.left;
      for (std::int32_t x = 0; x < patch.width; ++x) out[x] |= static_cast<std::uint8_t>(row[x] != 0);
    }
  }
  return covered;
}

void BitmapMasks::clear(std::span<const std::uint8_t> covered) {
  const std::size_t area = area_of(extent());
  if (covered.size() != area) {
    refuse("masks of " + text_of(extent()) + " cannot be covered by " + std::to_string(covered.size()) + " pixels");
  }
  auto bytes = std::make_shared_for_overwrite<std::uint8_t[]>(byte_count());
  write(std::as_writable_bytes(std::span(bytes.get(), byte_count())));
  for (std::size_t object = 0; object < size(); ++object) {
    std::uint8_t* const out = bytes.get() + object * area;
    for (std::size_t i = 0; i < area; ++i) out[i] = covered[i] != 0 ? std::uint8_t{0} : out[i];
  }
  settle_into(std::move(bytes), size(), extent());
}

void BitmapMasks::append(const BitmapMasks& others) {
  if (others.extent() != extent()) {
    refuse("masks of " + text_of(others.extent()) + " cannot be joined to masks of " + text_of(extent()));
  }
  const std::size_t own = byte_count();
  const std::size_t theirs = others.byte_count();
  auto bytes = std::make_shared_for_overwrite<std::uint8_t[]>(own + theirs);
  const base::MutableBytes out = std::as_writable_bytes(std::span(bytes.get(), own + theirs));
  write(out.first(own));
  others.write(out.subspan(own));
  settle_into(std::move(bytes), size() + others.size(), extent());
}

namespace {

struct Range {
  std::int32_t begin;
  std::int32_t length;
};

/// range(length)[int(first):int(last)]
Range python_slice(float first, float last, std::int32_t length) {
  const auto edge = [length](float value) {
    if (!std::isfinite(value)) refuse("a box with an edge of " + std::to_string(value) + " is no mask");
    const double whole = std::trunc(static_cast<double>(value));
    return static_cast<std::int32_t>(std::clamp<double>(whole < 0 ? whole + length : whole, 0, length));
  };
  const std::int32_t begin = edge(first);
  return {begin, std::max(edge(last) - begin, 0)};
}

}  // namespace

BitmapMasks masks_of_boxes(const Boxes& boxes, Extent extent) {
  MaskPatches masks{extent, {}, nullptr};
  for (const Box& box : boxes) {
    const Range columns = python_slice(box[0], box[2], extent.width);
    const Range rows = python_slice(box[1], box[3], extent.height);
    masks.patches.push_back({columns.begin, rows.begin, columns.length, rows.length, 0, 0});
  }
  allocate(masks);
  for (const MaskPatch& patch : masks.patches) {
    std::memset(masks.bytes.get() + patch.offset, 1, patch.stride * static_cast<std::size_t>(patch.height));
  }
  return BitmapMasks(std::move(masks));
}

}  // namespace penstock::transform
