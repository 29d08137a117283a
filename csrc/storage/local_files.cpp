#include "storage/local_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace penstock::storage {
namespace {

[[noreturn]] void throw_errno(const char* what, const std::string& key) {
  const int code = errno;
  if (code == ENOENT || code == ENOTDIR) {
    throw base::Error(base::ErrorKind::kChunkNotFound, "chunk file '" + key + "' does not exist",
                      "The dataset is incomplete: copy it again, or restore the file.");
  }
  throw base::Error(base::ErrorKind::kStorage,
                    std::string(what) + " '" + key + "': " + std::generic_category().message(code));
}

/// Of anything else than a file, a read may never return, or never end.
void check_regular(const struct stat& status, const std::string& key) {
  if (S_ISREG(status.st_mode)) return;
  const char* kind = S_ISDIR(status.st_mode) ? "a directory" : S_ISFIFO(status.st_mode) ? "a FIFO" : "a device";
  throw base::Error(base::ErrorKind::kStorage, "'" + key + "' is " + kind + ", not a file",
                    "Restore the file from a copy of the dataset");
}

/// What changes where a file is written anew, or another takes its place.
std::string version_of(const struct stat& status) {
  const auto seconds = std::to_string(status.st_mtim.tv_sec), rest = std::to_string(status.st_mtim.tv_nsec);
  return seconds + "." + rest + "-" + std::to_string(status.st_ino) + "-" + std::to_string(status.st_size);
}

class File {
 public:
  // O_NONBLOCK means nothing for files; opening a FIFO would wait for its writer without it.
  File(const std::string& path, const std::string& key)
      : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (descriptor_ < 0) throw_errno("cannot open", key);
    try {
      struct stat status{};
      if (::fstat(descriptor_, &status) != 0) throw_errno("cannot stat", key);
      check_regular(status, key);
      size_ = static_cast<std::uint64_t>(status.st_size);
      version_ = version_of(status);
    } catch (...) {
      ::close(descriptor_);
      throw;
    }
  }
  ~File() { ::close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int descriptor() const { return descriptor_; }
  std::uint64_t size() const { return size_; }
  const std::string& version() const { return version_; }

 private:
  int descriptor_;
  std::uint64_t size_ = 0;
  std::string version_;
};

}  // namespace

LocalFiles::LocalFiles(std::string root) : root_(std::move(root)) {}

std::string LocalFiles::path(const std::string& key) const { return root_ + "/" + key; }

std::optional<std::uint64_t> LocalFiles::known_size(const std::string& key) const {
  struct stat status{};
  if (::stat(path(key).c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return static_cast<std::uint64_t>(status.st_size);
}

Object LocalFiles::read(const std::string& key, std::optional<base::ByteRange> range) {
  const File file(path(key), key);
  const base::ByteRange part = within(range, file.size());
  Object object{base::OwnedBytes::allocate(part.size()), file.size(), file.version()};
  std::size_t done = 0;
  while (done < part.size()) {
    const ssize_t count = ::pread(file.descriptor(), object.bytes.data.get() + done, part.size() - done,
                                  static_cast<off_t>(part.begin + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_errno("cannot read", key);
    if (count == 0) {
      throw base::Error(base::ErrorKind::kStorage, "'" + key + "' was cut while it was read");
    }
    done += static_cast<std::size_t>(count);
  }
  return object;
}

}  // namespace penstock::storage
