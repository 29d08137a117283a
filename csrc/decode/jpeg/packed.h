#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "decode/jpeg/block_rows.h"
#include "decode/jpeg/coefficient_source.h"
#include "decode/jpeg/headers.h"

namespace penstock::decode::jpeg {

/// Hands on what another source gives, and packs it on the way.
class PackingSource final : public CoefficientSource {
 public:
  PackingSource(std::unique_ptr<CoefficientSource> inner, const Headers& headers, std::size_t group);

  std::size_t mcus_of_a_row() const override { return inner_->mcus_of_a_row(); }
  std::size_t rows() const override { return inner_->rows(); }
  bool read_row(const std::array<BlockRows*, 3>& into, McuRange needed) override;
  bool pass_over_row() override { return read_row({}, {}); }
  bool ended_well() const override { return inner_->ended_well(); }

  /// All that has been read, when it has ended well. Nothing of a picture that this folder's decoder makes no pixels
  /// of.
  std::optional<base::OwnedBytes> packed() const;

 private:
  std::byte* room_for(std::size_t bytes);
  bool pack_rows(const std::array<BlockRows*, 3>& blocks);

  const std::unique_ptr<CoefficientSource> inner_;
  const std::vector<Component> components_;
  const std::array<Quantisation, 4> quantisations_;
  std::vector<BlockRows> own_;  ///< of components that nobody asks for
  base::OwnedBytes packed_;
  std::size_t size_ = 0;  ///< of what is there of it
  std::vector<std::uint32_t> row_ends_;
  std::uint32_t width_, height_;
  bool is_sound_ = true;
};

/// Gives the coefficients that a PackingSource has packed.
class PackedSource final : public CoefficientSource {
 public:
  /// What it is of, but for the codes. Nothing where it is no such thing.
  static std::optional<Headers> headers(base::Bytes packed);
  /// `packed` has headers, and outlives this.
  PackedSource(base::Bytes packed, const Headers& headers);

  std::size_t mcus_of_a_row() const override { return mcus_; }
  std::size_t rows() const override { return rows_; }
  bool read_row(const std::array<BlockRows*, 3>& into, McuRange needed) override;
  bool pass_over_row() override { return ++next_ <= rows_; }
  bool ended_well() const override { return next_ == rows_; }

 private:
  const base::Bytes packed_;
  const std::vector<Component> components_;
  std::size_t mcus_;
  std::size_t rows_;
  std::size_t next_ = 0;
};

}  // namespace penstock::decode::jpeg
