#include "storage/disk_cache/cache_header.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>

#include "storage/disk_cache/checksum.h"

namespace penstock::storage::disk_cache {
namespace {

/// As it lies in the file, in the byte order of the machine: on another one it is foreign.
struct Fixed {
  char magic[8];
  std::uint64_t checksum;  ///< of the header after this
  std::uint64_t size;
  std::uint32_t root_bytes;
  std::uint32_t key_bytes;
  std::uint32_t version_bytes;
  std::uint32_t block_bytes;
};
static_assert(sizeof(Fixed) == kFixedBytes);

constexpr char kMagic[8] = {'P', 'N', 'S', 'T', 'K', 'C', '0', '1'};
constexpr std::size_t kChecked = offsetof(Fixed, size);
/// Far above what any root, key or version has.
constexpr std::size_t kMostText = 64 << 10;

bool within_limits(std::uint64_t size, std::initializer_list<std::size_t> texts) {
  return size <= kMostObjectBytes && std::max(texts) <= kMostText;
}

std::uint64_t blocks_of(std::uint64_t size) { return size / kBlockBytes + (size % kBlockBytes != 0 ? 1 : 0); }

Fixed load(base::Bytes first) {
  Fixed fixed;
  std::memcpy(&fixed, first.data(), sizeof fixed);
  return fixed;
}

std::uint64_t length_of(const Fixed& fixed) {
  return kFixedBytes + std::uint64_t{fixed.root_bytes} + fixed.key_bytes + fixed.version_bytes +
         sizeof(std::uint64_t) * blocks_of(fixed.size);
}

Fixed fixed_of(const Label& label, const Content& content) {
  Fixed fixed{};
  std::memcpy(fixed.magic, kMagic, sizeof kMagic);
  fixed.size = content.size;
  fixed.root_bytes = static_cast<std::uint32_t>(label.root.size());
  fixed.key_bytes = static_cast<std::uint32_t>(label.key.size());
  fixed.version_bytes = static_cast<std::uint32_t>(content.version.size());
  fixed.block_bytes = kBlockBytes;
  return fixed;
}

}  // namespace

bool can_be_kept(const Label& label, const Content& content) {
  return within_limits(content.size, {label.root.size(), label.key.size(), content.version.size()});
}

std::uint64_t file_bytes(const Label& label, const Content& content) {
  return length_of(fixed_of(label, content)) + content.size;
}

std::vector<std::byte> encode_header(const Label& label, const Content& content, base::Bytes data) {
  Fixed fixed = fixed_of(label, content);
  std::vector<std::byte> bytes(length_of(fixed));
  std::byte* out = bytes.data() + kFixedBytes;
  for (const std::string* text : {&label.root, &label.key, &content.version}) {
    out = std::copy_n(reinterpret_cast<const std::byte*>(text->data()), text->size(), out);
  }
  for (std::size_t begin = 0; begin < data.size(); begin += kBlockBytes) {
    const std::uint64_t sum = checksum(data.subspan(begin, std::min<std::size_t>(kBlockBytes, data.size() - begin)));
    std::memcpy(out, &sum, sizeof sum);
    out += sizeof sum;
  }
  std::memcpy(bytes.data(), &fixed, sizeof fixed);
  fixed.checksum = checksum(base::Bytes(bytes).subspan(kChecked));
  std::memcpy(bytes.data(), &fixed, sizeof fixed);
  return bytes;
}

std::optional<std::uint64_t> header_bytes(base::Bytes first, std::uint64_t file_bytes) {
  if (first.size() < kFixedBytes) return std::nullopt;
  const Fixed fixed = load(first);
  if (std::memcmp(fixed.magic, kMagic, sizeof kMagic) != 0 || fixed.block_bytes != kBlockBytes) return std::nullopt;
  if (!within_limits(fixed.size, {fixed.root_bytes, fixed.key_bytes, fixed.version_bytes})) return std::nullopt;
  const std::uint64_t length = length_of(fixed);
  return length + fixed.size == file_bytes ? std::optional(length) : std::nullopt;
}

std::optional<Header> parse_header(base::Bytes bytes) {
  if (bytes.size() < kFixedBytes) return std::nullopt;
  const Fixed fixed = load(bytes);
  if (length_of(fixed) != bytes.size() || fixed.checksum != checksum(bytes.subspan(kChecked))) return std::nullopt;
  Header header;
  std::size_t begin = kFixedBytes;
  const auto text = [&](std::size_t count) {
    const auto* const first = reinterpret_cast<const char*>(bytes.data()) + begin;
    begin += count;
    return std::string(first, count);
  };
  header.label.root = text(fixed.root_bytes);
  header.label.key = text(fixed.key_bytes);
  header.content = {fixed.size, text(fixed.version_bytes)};
  header.checksums.resize(blocks_of(fixed.size));
  if (!header.checksums.empty()) {
    std::memcpy(header.checksums.data(), bytes.data() + begin, sizeof(std::uint64_t) * header.checksums.size());
  }
  return header;
}

}  // namespace penstock::storage::disk_cache
