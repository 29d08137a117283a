#include "transform/masks/run_lengths.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>
#include <utility>

#include "base/error.h"

namespace penstock::transform {
namespace {

[[noreturn]] void refuse(const std::string& cause) {
  throw base::Error(base::ErrorKind::kDecode, cause, "The annotation is damaged: replace it, or leave it out.");
}

/// A signed number in groups of five bits, the lowest first, each in one character from '0' on; 32 says that more
/// follow.
std::int64_t parse_number(std::string_view text, std::size_t& position) {
  std::int64_t value = 0;
  for (unsigned shift = 0; shift < 60; shift += 5) {
    if (position == text.size()) refuse("the run-length encoding ends within a number");
    const int group = static_cast<unsigned char>(text[position++]) - '0';
    if (group < 0 || group > 63) refuse("the run-length encoding has a character that is none of its own");
    value |= static_cast<std::int64_t>(group & 31) << shift;
    if (group & 32) continue;
    return group & 16 ? value - (std::int64_t{32} << shift) : value;
  }
  refuse("the run-length encoding has a number without an end");
}

/// Borders of the run of ones from `begin` to `end`, positions down the columns.
void add_borders(std::uint64_t begin, std::uint64_t end, Extent extent, std::uint8_t* bytes) {
  const auto width = static_cast<std::uint64_t>(extent.width);
  const auto height = static_cast<std::uint64_t>(extent.height);
  while (begin < end) {
    const std::uint64_t x = begin / height;
    const std::uint64_t stop = std::min(end, (x + 1) * height);
    bytes[begin % height * width + x] ^= 1;
    if (stop % height != 0) bytes[stop % height * width + x] ^= 1;
    begin = stop;
  }
}

}  // namespace

RunLengths parse_run_lengths(std::string_view text) {
  RunLengths lengths;
  for (std::size_t position = 0; position < text.size();) {
    std::int64_t value = parse_number(text, position);
    // From the fourth on, the difference to the one before the last.
    if (lengths.size() > 2) value += lengths[lengths.size() - 2];
    if (value < 0 || value > UINT32_MAX) refuse("the run-length encoding has a run of length " + std::to_string(value));
    lengths.push_back(static_cast<std::uint32_t>(value));
  }
  return lengths;
}

BitmapMasks decode_run_lengths(std::span<const RunLengths> objects, Extent extent) {
  const std::uint64_t area = static_cast<std::uint64_t>(extent.height) * static_cast<std::uint64_t>(extent.width);
  MaskPatches masks{extent, {}, nullptr};
  for (const RunLengths& lengths : objects) {
    const std::uint64_t total = std::accumulate(lengths.begin(), lengths.end(), std::uint64_t{0});
    if (total != area) {
      refuse("the run lengths of a mask make up " + std::to_string(total) + " pixels, the image has " +
             std::to_string(area));
    }
    masks.patches.push_back({0, 0, extent.width, extent.height, 0, 0});
  }
  allocate(masks);
  for (std::size_t object = 0; object < objects.size(); ++object) {
    MaskPatch& patch = masks.patches[object];
    std::uint8_t* const bytes = masks.bytes.get() + patch.offset;
    std::memset(bytes, 0, area);
    std::uint64_t position = 0;
    bool inside = false;
    for (const std::uint32_t length : objects[object]) {
      if (inside) add_borders(position, position + length, extent, bytes);
      position += length;
      inside = !inside;
    }
    fill_between_borders(bytes, patch.width, patch.height, patch.stride);
    tighten(masks, patch);
  }
  return BitmapMasks(std::move(masks));
}

}  // namespace penstock::transform
