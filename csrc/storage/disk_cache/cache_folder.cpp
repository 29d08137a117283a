#include "storage/disk_cache/cache_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <memory>
#include <random>
#include <string_view>
#include <system_error>
#include <utility>

#include "storage/disk_cache/cache_file.h"
#include "storage/disk_cache/checksum.h"

namespace penstock::storage::disk_cache {
namespace {

constexpr std::size_t kNameDigits = 32;
constexpr std::string_view kEnding = ".penstock";
constexpr std::string_view kUnfinished = ".unfinished";
/// What others put there is seen after so long.
constexpr std::chrono::seconds kCountEvery{30};
/// A share of the room, after which it is counted anew: several processes that fill it together then do not go far
/// beyond.
constexpr std::uint64_t kShareUnseen = 8;
/// No process writes one file for so long: it is one that a process which was killed has left.
constexpr std::time_t kStaleSeconds = 3600;

bool begins_as_ours(std::string_view name) {
  return name.size() > kNameDigits &&
         name.substr(0, kNameDigits).find_first_not_of("0123456789abcdef") == std::string_view::npos &&
         name[kNameDigits] == '.';
}

std::uint64_t random_start() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

/// Of the cache's files. What a process left that was killed while it wrote goes.
std::uint64_t bytes_in(DIR* folder) {
  const std::time_t now = std::time(nullptr);
  std::uint64_t bytes = 0;
  while (const dirent* entry = ::readdir(folder)) {
    const std::string_view name = entry->d_name;
    struct stat status{};
    if (!begins_as_ours(name) || ::fstatat(::dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(status.st_mode)) {
      continue;
    }
    if (name.ends_with(kEnding)) bytes += static_cast<std::uint64_t>(status.st_size);
    if (name.ends_with(kUnfinished) && now - status.st_mtime > kStaleSeconds) {
      ::unlinkat(::dirfd(folder), entry->d_name, 0);
    }
  }
  return bytes;
}

std::uint64_t size_at(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

}  // namespace

CacheFolder::CacheFolder(std::string path, std::optional<std::uint64_t> limit_bytes, Report report)
    : path_(std::move(path)), report_(std::move(report)), limit_(limit_bytes), next_name_(random_start()) {}

std::string CacheFolder::path_of(const Label& label) const {
  return path_ + "/" + fingerprint(label.root, label.key) + std::string(kEnding);
}

bool CacheFolder::has_room(std::optional<std::uint64_t> bytes) {
  return with_room([&] { return bytes ? fits(*bytes) : room() > 0 && room() >= last_refused_; });
}

bool CacheFolder::reserve(std::uint64_t bytes) {
  return with_room([&] {
    if (!fits(bytes)) return false;
    reserved_ += bytes;
    unseen_ -= std::min(unseen_, bytes);
    return true;
  });
}

template <class Ask>
bool CacheFolder::with_room(Ask ask) {
  int failure = 0;
  {
    const std::lock_guard lock(mutex_);
    if (given_up_) return false;
    if (is_count_due()) failure = count();
    if (failure == 0) return ask();
  }
  give_up("cannot open", failure);
  return false;
}

bool CacheFolder::fits(std::uint64_t bytes) {
  if (bytes <= room()) return true;
  last_refused_ = bytes;
  return false;
}

void CacheFolder::release(std::uint64_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  reserved_ -= bytes;
}

bool CacheFolder::put(const std::string& path, base::Bytes header, base::Bytes data) {
  std::string unfinished;
  {
    const std::lock_guard lock(mutex_);
    if (given_up_) return false;
    char number[18];
    std::snprintf(number, sizeof number, ".%016llx", static_cast<unsigned long long>(next_name_++));
    unfinished = path.substr(0, path.size() - kEnding.size()) + number + std::string(kUnfinished);
  }
  int failure = write_file(unfinished, header, data);
  {
    // A count sees the file either before this or after it.
    const std::lock_guard lock(mutex_);
    const std::uint64_t before = size_at(path);
    if (failure == 0 && ::rename(unfinished.c_str(), path.c_str()) != 0) {
      failure = errno;
      ::unlink(unfinished.c_str());
    }
    if (failure == 0) {
      there_ += header.size() + data.size();
      there_ -= std::min(there_, before);
      return true;
    }
  }
  give_up("cannot write to", failure);
  return false;
}

void CacheFolder::remove(const std::string& path) noexcept {
  const std::lock_guard lock(mutex_);
  const std::uint64_t size = size_at(path);
  if (::unlink(path.c_str()) == 0) there_ -= std::min(there_, size);
}

std::uint64_t CacheFolder::room() const {
  const std::uint64_t taken = there_ + reserved_;
  return *limit_ > taken ? *limit_ - taken : 0;
}

bool CacheFolder::is_count_due() const {
  if (!counted_ || Clock::now() - *counted_ >= kCountEvery) return true;
  // Not where it is as good as full: each of many objects would have it counted.
  return unseen_ == 0 && room() > last_refused_;
}

int CacheFolder::count() {
  std::error_code failure;
  if (!counted_) std::filesystem::create_directories(path_, failure);
  if (failure) return failure.value();
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path_.c_str()), &::closedir);
  if (folder == nullptr) return errno;
  there_ = bytes_in(folder.get());
  find_limit();
  counted_ = Clock::now();
  unseen_ = room() / kShareUnseen;
  return 0;
}

void CacheFolder::find_limit() {
  if (limit_) return;
  struct statvfs disk{};
  const std::uint64_t free =
      ::statvfs(path_.c_str(), &disk) == 0 ? std::uint64_t{disk.f_bavail} * disk.f_frsize : std::uint64_t{0};
  limit_ = std::min((there_ + free) / 10 * 9, kMostByDefault);
}

void CacheFolder::give_up(const char* what, int code) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(given_up_, true)) return;
  }
  if (report_) {
    report_("the disk cache takes nothing more: " + std::string(what) + " '" + path_ +
            "': " + std::generic_category().message(code) + ". What it does not have is read from the storage");
  }
}

}  // namespace penstock::storage::disk_cache
