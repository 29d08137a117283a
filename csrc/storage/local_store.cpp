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

class File {
 public:
  File(const std::string& path, const std::string& key) : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0) throw_errno("cannot open", key);
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
  struct stat status {};
  if (::stat(path(key).c_str(), &status) != 0) throw_errno("cannot stat", key);
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
