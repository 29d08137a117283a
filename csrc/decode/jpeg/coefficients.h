#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "decode/jpeg/bits.h"
#include "decode/jpeg/headers.h"
#include "decode/jpeg/huffman.h"
#include "decode/jpeg/zigzag.h"

namespace penstock::decode::jpeg {

/// Coefficients of a row of MCUs, of one component. Blocks that are transformed together lie in groups: the first rows
/// of all blocks of a group, then their second rows, and so on.
class BlockRows {
 public:
  /// `rows` rows of at least `blocks` blocks, all zero. `group`: of how many; a power of two.
  BlockRows(std::size_t rows, std::size_t blocks, std::size_t group);

  /// The first coefficient of a block; the others of its row follow.
  std::int16_t* block(std::size_t row, std::size_t number) {
    const std::size_t group = row * groups_ + (number >> group_bits_), within = number & (group_ - 1);
    return coefficients_.get() + (group << group_bits_) * kBlock + within * 8;
  }
  std::int16_t* row(std::size_t number) { return coefficients_.get() + number * groups_ * group_ * kBlock; }
  /// Of each block of a row, whether it has more than its first coefficient.
  std::uint8_t* details(std::size_t row) { return details_.data() + row * groups_ * group_; }
  std::size_t groups() const { return groups_; }

 private:
  struct Free {
    void operator()(std::int16_t* memory) const;
  };

  std::size_t group_;
  int group_bits_;
  std::size_t groups_;  ///< of a row
  std::unique_ptr<std::int16_t[], Free> coefficients_;
  std::vector<std::uint8_t> details_;
};

/// Where the coefficients of a block lie, from its first one, in the order in which files have them. What lies beyond
/// its end goes to the first one's place.
using Places = std::array<std::uint16_t, 448>;

/// Reads the coefficients of a scan, a row of MCUs at a time. Whatever is wrong or unusual ends it.
class CoefficientReader {
 public:
  /// `group`: blocks that are transformed together. Nothing where the tables or the restart markers are not as they
  /// usually are. `encoded` may go.
  static std::optional<CoefficientReader> open(base::Bytes encoded, const Headers& headers, std::size_t group);

  std::size_t mcus_of_a_row() const { return mcus_; }
  std::size_t rows() const { return rows_; }

  /// MCUs of a row, [begin, end).
  struct Range {
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  /// The next row. `into`: for each component where its blocks go, whose coefficients are all zero but for the first;
  /// null where nobody needs them. `needed`: of which MCUs they do. False where anything is wrong.
  bool read_row(const std::array<BlockRows*, 3>& into, Range needed);
  /// After the last row: whether nothing but the end of the picture follows.
  bool ended_well() const;

 private:
  struct Source {
    Component component;
    std::shared_ptr<const DcTable> dc;
    std::shared_ptr<const AcTable> ac;
    std::int32_t prediction = 0;
  };
  struct Part {
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  CoefficientReader() = default;
  bool split(base::Bytes scan, std::size_t parts);
  bool begin_part();

  std::vector<Source> sources_;
  base::OwnedBytes data_;    ///< without what is stuffed in; each part has padding behind it
  std::vector<Part> parts_;  ///< between restart markers
  std::size_t next_part_ = 0;
  Bits bits_;
  std::size_t mcus_ = 0;
  std::size_t rows_ = 0;
  std::size_t restart_interval_ = 0;  ///< 0: there are no restarts
  std::size_t until_restart_ = 0;
  Places places_{};
};

}  // namespace penstock::decode::jpeg
