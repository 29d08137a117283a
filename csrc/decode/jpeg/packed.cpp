#include "decode/jpeg/packed.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "decode/jpeg/packing.h"

namespace penstock::decode::jpeg {
namespace {

/// Changes with the form of what is packed, which a file may outlive.
constexpr std::uint32_t kMagic = 0x31435350;  // "PSC1"

/// What stands at the beginning. After it: where each row of MCUs ends, counted from the end of these numbers; the
/// rows; kMostPackedBlock bytes for who reads beyond the end.
struct Beginning {
  std::uint32_t magic = kMagic;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t components = 0;
  std::array<Component, 3> component{};
  std::array<Quantisation, 4> quantisations{};
};
static_assert(sizeof(Component) == 5 && sizeof(Beginning) == 16 + 16 + 512);

std::size_t mcus_across(const Headers& headers) {
  const std::size_t width = headers.components[0].across * 8U;
  return (headers.width + width - 1) / width;
}

std::size_t mcus_down(const Headers& headers) {
  const std::size_t height = headers.components[0].down * 8U;
  return (headers.height + height - 1) / height;
}

std::size_t rows_begin(std::size_t rows) { return sizeof(Beginning) + rows * sizeof(std::uint32_t); }

bool is_sampling(const Component& component) {
  return component.across >= 1 && component.across <= 4 && component.down >= 1 && component.down <= 4 &&
         component.quantisation < 4;
}

}  // namespace

PackingSource::PackingSource(std::unique_ptr<CoefficientSource> inner, const Headers& headers, std::size_t group)
    : inner_(std::move(inner)),
      components_(headers.components),
      quantisations_(headers.quantisations),
      width_(headers.width),
      height_(headers.height) {
  for (const Component& component : components_) {
    own_.emplace_back(component.down, inner_->mcus_of_a_row() * component.across, group);
  }
  row_ends_.reserve(rows());
}

std::byte* PackingSource::room_for(std::size_t bytes) {
  if (packed_.size < size_ + bytes) {
    base::OwnedBytes larger = base::OwnedBytes::allocate(2 * (size_ + bytes));
    if (size_ > 0) std::memcpy(larger.data.get(), packed_.data.get(), size_);
    packed_ = std::move(larger);
  }
  return packed_.data.get() + size_;
}

bool PackingSource::read_row(const std::array<BlockRows*, 3>& into, McuRange needed) {
  if (!is_sound_) return inner_->read_row(into, needed);
  std::array<BlockRows*, 3> blocks{};
  for (std::size_t i = 0; i < components_.size(); ++i) blocks[i] = into[i] == nullptr ? &own_[i] : into[i];
  if (!inner_->read_row(blocks, {0, mcus_of_a_row()})) return false;
  is_sound_ = pack_rows(blocks);
  // What nobody needs is zero again, as whoever reads the next row expects it; the rest is zeroed where it is used.
  for (std::size_t i = 0; i < components_.size(); ++i) {
    const std::size_t group = blocks[i]->group(), across = components_[i].across;
    const bool is_needed = into[i] != nullptr && needed.begin < needed.end;
    const std::size_t begin = is_needed ? needed.begin * across / group : 0;
    const std::size_t end = is_needed ? (needed.end * across + group - 1) / group : 0;
    for (std::size_t down = 0; down < components_[i].down; ++down) {
      blocks[i]->clear(down, 0, begin);
      blocks[i]->clear(down, end, blocks[i]->groups());
    }
  }
  return true;
}

bool PackingSource::pack_rows(const std::array<BlockRows*, 3>& blocks) {
  for (std::size_t i = 0; i < components_.size(); ++i) {
    const std::size_t count = mcus_of_a_row() * components_[i].across;
    for (std::size_t down = 0; down < components_[i].down; ++down) {
      std::byte* const begin = room_for(most_packed(count));
      const std::byte* const end = pack(*blocks[i], down, count, quantisations_[components_[i].quantisation], begin);
      if (end == nullptr) return false;
      size_ += static_cast<std::size_t>(end - begin);
    }
  }
  row_ends_.push_back(static_cast<std::uint32_t>(size_));
  return size_ < std::size_t{1} << 31;
}

std::optional<base::OwnedBytes> PackingSource::packed() const {
  if (!is_sound_ || row_ends_.size() != rows()) return std::nullopt;
  Beginning beginning{.width = width_,
                      .height = height_,
                      .components = static_cast<std::uint32_t>(components_.size()),
                      .quantisations = quantisations_};
  std::copy(components_.begin(), components_.end(), beginning.component.begin());
  const std::size_t begin = rows_begin(rows());
  base::OwnedBytes all = base::OwnedBytes::allocate(begin + size_ + kMostPackedBlock);
  std::byte* const to = all.data.get();
  std::memcpy(to, &beginning, sizeof beginning);
  std::memcpy(to + sizeof beginning, row_ends_.data(), rows() * sizeof(std::uint32_t));
  std::memcpy(to + begin, packed_.data.get(), size_);
  std::memset(to + begin + size_, 0, kMostPackedBlock);
  return all;
}

std::optional<Headers> PackedSource::headers(base::Bytes packed) {
  Beginning beginning;
  if (packed.size() < sizeof beginning + kMostPackedBlock) return std::nullopt;
  std::memcpy(&beginning, packed.data(), sizeof beginning);
  const bool is_whole = beginning.magic == kMagic && beginning.width > 0 && beginning.height > 0 &&
                        (beginning.components == 1 || beginning.components == 3);
  if (!is_whole) return std::nullopt;
  Headers headers;
  headers.width = beginning.width;
  headers.height = beginning.height;
  headers.quantisations = beginning.quantisations;
  headers.components.assign(beginning.component.begin(), beginning.component.begin() + beginning.components);
  if (!std::all_of(headers.components.begin(), headers.components.end(), &is_sampling)) return std::nullopt;
  if (packed.size() < rows_begin(mcus_down(headers)) + kMostPackedBlock) return std::nullopt;
  return headers;
}

PackedSource::PackedSource(base::Bytes packed, const Headers& headers)
    : packed_(packed), components_(headers.components), mcus_(mcus_across(headers)), rows_(mcus_down(headers)) {}

bool PackedSource::read_row(const std::array<BlockRows*, 3>& into, McuRange needed) {
  if (next_ >= rows_) return false;
  const base::Bytes rows = packed_.subspan(rows_begin(rows_));
  const auto end_of = [&](std::size_t row) {
    return base::load_u32(packed_, sizeof(Beginning) + row * sizeof(std::uint32_t));
  };
  const std::size_t begin = next_ == 0 ? 0 : end_of(next_ - 1), end = end_of(next_);
  ++next_;
  if (begin > end || end > rows.size() - kMostPackedBlock) return false;
  PackedRow row{.at = rows.data() + begin, .end = rows.data() + end};
  for (std::size_t i = 0; i < components_.size() && into[i] != nullptr; ++i) {
    const std::size_t across = components_[i].across;
    row.blocks = mcus_ * across;
    for (std::size_t down = 0; down < components_[i].down; ++down) {
      if (static_cast<std::size_t>(row.end - row.at) < (row.blocks + 3) / 4) return false;
      row.at = unpack(row, *into[i], down, needed.begin * across, needed.end * across);
      if (row.at == nullptr) return false;
    }
  }
  return true;
}

}  // namespace penstock::decode::jpeg
