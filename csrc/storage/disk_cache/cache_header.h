#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace penstock::storage::disk_cache {

/// Which object a file is a copy of: the dataset's root and the key within it.
struct Label {
  std::string root;
  std::string key;
  bool operator==(const Label&) const = default;
};

/// Which content of an object: its size in bytes and its version (Object::version).
struct Content {
  std::uint64_t size = 0;
  std::string version;
  bool operator==(const Content&) const = default;
};

/// Data are checked in blocks, so that a range is checked without reading all of them.
inline constexpr std::uint64_t kBlockBytes = std::uint64_t{64} << 10;
/// Larger objects are not kept: a header, which is read whole, has 8 bytes for each block.
inline constexpr std::uint64_t kMostObjectBytes = std::uint64_t{4} << 30;
/// Of a header, what says how long the rest of it is.
inline constexpr std::size_t kFixedBytes = 40;

/// What stands before the data in a file of the cache.
struct Header {
  Label label;
  Content content;
  std::vector<std::uint64_t> checksums;  ///< by block
};

/// Whether a header can say it: objects of more than kMostObjectBytes, and texts that no storage has, it cannot.
bool can_be_kept(const Label& label, const Content& content);

/// Length of the file of an object, header and data.
std::uint64_t file_bytes(const Label& label, const Content& content);

std::vector<std::byte> encode_header(const Label& label, const Content& content, base::Bytes data);

/// Length of a header that begins with `first`, kFixedBytes of them, in a file of `file_bytes`; nothing where it is not
/// one, or the file not as long as it says.
std::optional<std::uint64_t> header_bytes(base::Bytes first, std::uint64_t file_bytes);

/// The header that `bytes` are, as many as header_bytes() says; nothing where they are damaged.
std::optional<Header> parse_header(base::Bytes bytes);

}  // namespace penstock::storage::disk_cache
