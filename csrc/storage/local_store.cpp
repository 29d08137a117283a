#include "storage/local_store.h"

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

class File {
 public:
  // O_NONBLOCK means nothing for files; opening a FIFO would wait for its writer without it.
  File(const std::string& path, const std::string& key)
      : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (descriptor_ < 0) throw_errno("cannot open", key);
    struct stat status{};
    if (::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode)) return;
    ::close(descriptor_);
    check_regular(status, key);
    throw base::Error(base::ErrorKind::kStorage, "cannot stat '" + key + "'");
  }
  ~File() { ::close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace

LocalStore::LocalStore(std::string root) : root_(std::move(root)) {}

std::string LocalStore::path(const std::string& key) const { return root_ + "/" + key; }

std::uint64_t LocalStore::size(const std::string& key) {
  struct stat status{};
  if (::stat(path(key).c_str(), &status) != 0) throw_errno("cannot stat", key);
  check_regular(status, key);
  return static_cast<std::uint64_t>(status.st_size);
}

void LocalStore::read(const std::string& key, std::uint64_t offset, base::MutableBytes destination) {
  const File file(path(key), key);
  std::size_t done = 0;
  while (done < destination.size()) {
    const ssize_t count = ::pread(file.descriptor(), destination.data() + done, destination.size() - done,
                                  static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_errno("cannot read", key);
    if (count == 0) {
      throw base::Error(base::ErrorKind::kChunkFormat,
                        "chunk file '" + key + "' ends at byte " + std::to_string(offset + done) + ", " +
                            std::to_string(destination.size() - done) + " bytes too early");
    }
    done += static_cast<std::size_t>(count);
  }
}

}  // namespace penstock::storage
