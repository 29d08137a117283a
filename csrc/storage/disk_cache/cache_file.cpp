#include "storage/disk_cache/cache_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "storage/disk_cache/checksum.h"

namespace penstock::storage::disk_cache {
namespace {

/// Most headers are shorter: a read of so many bytes is all that they need.
constexpr std::uint64_t kFirstRead = 4096;

int write_all(int descriptor, base::Bytes bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return 0;
}

}  // namespace

std::unique_ptr<CacheFile> CacheFile::open(const std::string& path, const Label& label) {
  // Neither a FIFO, which would wait, nor a link out of the folder.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  if (descriptor < 0) {
    if (errno == ELOOP) throw UnusableFile();
    return nullptr;
  }
  std::unique_ptr<CacheFile> file;
  try {
    file.reset(new CacheFile(descriptor));
  } catch (...) {
    ::close(descriptor);
    throw;
  }
  file->read_header(label);
  return file;
}

CacheFile::~CacheFile() { ::close(descriptor_); }

void CacheFile::read_header(const Label& label) {
  struct stat status{};
  if (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) throw UnusableFile();
  const auto size = static_cast<std::uint64_t>(status.st_size);
  std::vector<std::byte> bytes(std::min(size, kFirstRead));
  read_exactly(bytes, 0);
  const auto length = header_bytes(bytes, size);
  if (!length) throw UnusableFile();
  const std::size_t there = std::min<std::size_t>(bytes.size(), *length);
  bytes.resize(*length);
  read_exactly(base::MutableBytes(bytes).subspan(there), there);
  std::optional<Header> header = parse_header(bytes);
  if (!header || header->label != label) throw UnusableFile();
  header_ = std::move(*header);
  data_begin_ = *length;
}

base::OwnedBytes CacheFile::read(base::ByteRange part) const {
  const std::uint64_t first_block = part.begin / kBlockBytes;
  const std::uint64_t begin = first_block * kBlockBytes;
  const std::uint64_t blocks = part.size() == 0 ? 0 : (part.end - 1) / kBlockBytes + 1 - first_block;
  const std::uint64_t end = std::min(header_.content.size, begin + blocks * kBlockBytes);
  base::OwnedBytes bytes = base::OwnedBytes::allocate(blocks == 0 ? 0 : end - begin);
  read_exactly({bytes.data.get(), bytes.size}, data_begin_ + begin);
  for (std::uint64_t i = 0; i < blocks; ++i) {
    const std::size_t at = i * kBlockBytes;
    const base::Bytes block = bytes.view().subspan(at, std::min<std::size_t>(kBlockBytes, bytes.size - at));
    if (checksum(block) != header_.checksums[first_block + i]) throw UnusableFile();
  }
  if (part.begin != begin) std::memmove(bytes.data.get(), bytes.data.get() + (part.begin - begin), part.size());
  bytes.size = part.size();
  return bytes;
}

void CacheFile::read_exactly(base::MutableBytes out, std::uint64_t offset) const {
  while (!out.empty()) {
    const ssize_t count = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    // A disk that cannot read the file is as good as a damaged file: there is another copy.
    if (count <= 0) throw UnusableFile();
    out = out.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

int write_file(const std::string& path, base::Bytes header, base::Bytes data) noexcept {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (descriptor < 0) return errno;
  int failure = write_all(descriptor, header);
  if (failure == 0) failure = write_all(descriptor, data);
  // File systems that write later may only now say that there is no room.
  if (::close(descriptor) != 0 && failure == 0 && errno != EINTR) failure = errno;
  if (failure != 0) ::unlink(path.c_str());
  return failure;
}

}  // namespace penstock::storage::disk_cache
