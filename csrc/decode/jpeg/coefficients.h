#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "decode/jpeg/bits.h"
#include "decode/jpeg/block_rows.h"
#include "decode/jpeg/coefficient_source.h"
#include "decode/jpeg/headers.h"
#include "decode/jpeg/huffman.h"

namespace penstock::decode::jpeg {

/// Where the coefficients of a block lie, from its first one, in the order in which files have them. What lies beyond
/// its end goes to the first one's place.
using Places = std::array<std::uint16_t, 448>;

/// Reads the coefficients of a scan. Whatever is wrong or unusual ends it.
class CoefficientReader final : public CoefficientSource {
 public:
  /// `group`: blocks that are transformed together. Null where the tables or the restart markers are not as they
  /// usually are. `encoded` may go.
  static std::unique_ptr<CoefficientReader> open(base::Bytes encoded, const Headers& headers, std::size_t group);

  std::size_t mcus_of_a_row() const override { return mcus_; }
  std::size_t rows() const override { return rows_; }
  bool read_row(const std::array<BlockRows*, 3>& into, McuRange needed) override;
  bool pass_over_row() override { return read_row({}, {}); }
  bool ended_well() const override;

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
