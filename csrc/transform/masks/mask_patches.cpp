#include "transform/masks/mask_patches.h"

#include <algorithm>

namespace penstock::transform {
namespace {

std::uint8_t combined(const std::uint8_t* row, std::int32_t width) {
  std::uint8_t bits = 0;
  for (std::int32_t x = 0; x < width; ++x) bits |= row[x];
  return bits;
}

}  // namespace

void tighten(const MaskPatches& masks, MaskPatch& patch) {
  std::vector<std::uint8_t> columns(static_cast<std::size_t>(patch.width));
  std::int32_t first_row = patch.height;
  std::int32_t end_row = 0;
  for (std::int32_t y = 0; y < patch.height; ++y) {
    const std::uint8_t* row = masks.row(patch, y);
    if (combined(row, patch.width) == 0) continue;
    first_row = std::min(first_row, y);
    end_row = y + 1;
    std::uint8_t* const any = columns.data();
    for (std::int32_t x = 0; x < patch.width; ++x) any[x] |= row[x];
  }
  if (end_row == 0) {
    patch = {};
    return;
  }
  const auto is_set = [](std::uint8_t byte) { return byte != 0; };
  const auto first = std::find_if(columns.begin(), columns.end(), is_set);
  const auto last = std::find_if(columns.rbegin(), columns.rend(), is_set).base();
  const auto first_column = static_cast<std::int32_t>(first - columns.begin());
  patch.offset += static_cast<std::size_t>(first_row) * patch.stride + static_cast<std::size_t>(first_column);
  patch.left += first_column;
  patch.top += first_row;
  patch.width = static_cast<std::int32_t>(last - first);
  patch.height = end_row - first_row;
}

void allocate(MaskPatches& masks) {
  std::size_t total = 0;
  for (MaskPatch& patch : masks.patches) {
    patch.stride = static_cast<std::size_t>(patch.width);
    patch.offset = total;
    total += patch.stride * static_cast<std::size_t>(patch.height);
  }
  masks.bytes = std::make_shared_for_overwrite<std::uint8_t[]>(total);
}

void fill_between_borders(std::uint8_t* rows, std::int32_t width, std::int32_t height, std::size_t stride) {
  for (std::int32_t y = 1; y < height; ++y) {
    std::uint8_t* const below = rows + stride;
    for (std::int32_t x = 0; x < width; ++x) below[x] = static_cast<std::uint8_t>(below[x] ^ rows[x]);
    rows = below;
  }
}

}  // namespace penstock::transform
