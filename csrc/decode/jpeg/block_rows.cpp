#include "decode/jpeg/block_rows.h"

#include <algorithm>
#include <bit>
#include <new>

namespace penstock::decode::jpeg {
namespace {

/// Rows of groups begin where the widest vectors do.
constexpr std::align_val_t kAlignment{64};

}  // namespace

void BlockRows::Free::operator()(std::int16_t* memory) const { operator delete[](memory, kAlignment); }

BlockRows::BlockRows(std::size_t rows, std::size_t blocks, std::size_t group)
    : group_(group),
      group_bits_(std::countr_zero(group)),
      groups_((blocks + group - 1) / group),
      details_(rows * groups_ * group) {
  const std::size_t count = rows * groups_ * group * kBlock;
  coefficients_.reset(static_cast<std::int16_t*>(operator new[](count * sizeof(std::int16_t), kAlignment)));
  std::fill_n(coefficients_.get(), count, std::int16_t{0});
}

void BlockRows::clear(std::size_t row, std::size_t begin, std::size_t end) {
  if (begin >= end) return;
  std::fill_n(this->row(row) + begin * group_ * kBlock, (end - begin) * group_ * kBlock, std::int16_t{0});
  std::fill_n(details(row) + begin * group_, (end - begin) * group_, std::uint8_t{0});
}

}  // namespace penstock::decode::jpeg
