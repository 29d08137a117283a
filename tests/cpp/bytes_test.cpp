#include "base/bytes.h"

#include <gtest/gtest.h>

#include <array>

namespace penstock::base {
namespace {

constexpr std::uint64_t kLargest = ~std::uint64_t{0};

TEST(CheckedMultiply, GivesTheProductOrNothing) {
  EXPECT_EQ(checked_multiply(6, 7), 42U);
  EXPECT_EQ(checked_multiply(kLargest, 1), kLargest);
  EXPECT_EQ(checked_multiply(kLargest, 0), 0U);
  EXPECT_EQ(checked_multiply(kLargest, 2), std::nullopt);
  EXPECT_EQ(checked_multiply(std::uint64_t{1} << 32, std::uint64_t{1} << 32), std::nullopt);
}

TEST(CheckedByteCount, MultipliesTheExtentsAndTheItemSize) {
  EXPECT_EQ(checked_byte_count({}, 8), 8U) << "a scalar";
  EXPECT_EQ(checked_byte_count({3, 5, 7}, 4), 420U);
  EXPECT_EQ(checked_byte_count({3, 0, 7}, 4), 0U);
}

TEST(CheckedByteCount, SeesOverflow) {
  const std::uint32_t most = 0xFFFFFFFF;
  EXPECT_NE(checked_byte_count({most, most}, 1), std::nullopt);
  EXPECT_EQ(checked_byte_count({most, most}, 2), std::nullopt);
  EXPECT_EQ(checked_byte_count({most, most, most}, 1), std::nullopt);
}

TEST(LoadU32, ReadsLittleEndianAtAnyOffset) {
  const std::array bytes{std::byte{0xFF}, std::byte{0x78}, std::byte{0x56}, std::byte{0x34}, std::byte{0x12}};
  EXPECT_EQ(load_u32(bytes, 1), 0x12345678U);
}

}  // namespace
}  // namespace penstock::base
