#include "storage/http/curl_handles.h"

#include <new>
#include <utility>

#include "base/error.h"

namespace penstock::storage::http {

void ready_curl() {
  // Never undone: other users of libcurl in this process may live longer.
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK) {
    throw base::Error(base::ErrorKind::kStorage, std::string("libcurl cannot start: ") + curl_easy_strerror(code));
  }
}

void HeaderLines::add(const std::string& name, const std::string& value) {
  const std::string line = name + ": " + value;
  if (line.find_first_of(std::string("\r\n\0", 3)) != std::string::npos) {
    throw base::Error(base::ErrorKind::kStorage, "a header of a request has more than one line");
  }
  curl_slist* longer = curl_slist_append(lines_.get(), line.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  static_cast<void>(lines_.release());
  lines_.reset(longer);
}

EasyHandle EasyHandles::take() {
  if (!idle_.empty()) {
    EasyHandle handle = std::move(idle_.back());
    idle_.pop_back();
    return handle;
  }
  EasyHandle handle(curl_easy_init());
  if (!handle) throw std::bad_alloc();
  return handle;
}

void EasyHandles::give_back(EasyHandle handle) noexcept {
  curl_easy_reset(handle.get());
  try {
    idle_.push_back(std::move(handle));
  } catch (...) {
    // Without memory to keep it, it goes.
  }
}

}  // namespace penstock::storage::http
