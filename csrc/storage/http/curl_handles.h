#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>
#include <vector>

namespace penstock::storage::http {

/// Readies libcurl for this process. Error kStorage where that fails. Before the first handle, from any thread.
void ready_curl();

struct EasyDeleter {
  void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
};
using EasyHandle = std::unique_ptr<CURL, EasyDeleter>;

struct MultiDeleter {
  void operator()(CURLM* handle) const noexcept { curl_multi_cleanup(handle); }
};
using MultiHandle = std::unique_ptr<CURLM, MultiDeleter>;

/// Lines of a request's head.
class HeaderLines {
 public:
  /// Error kStorage where the line would be two. May throw std::bad_alloc.
  void add(const std::string& name, const std::string& value);
  curl_slist* get() const { return lines_.get(); }

 private:
  struct Deleter {
    void operator()(curl_slist* lines) const noexcept { curl_slist_free_all(lines); }
  };
  std::unique_ptr<curl_slist, Deleter> lines_;
};

/// Handles that have been used are kept for the next request, with their memory.
class EasyHandles {
 public:
  EasyHandle take();
  void give_back(EasyHandle handle) noexcept;

 private:
  std::vector<EasyHandle> idle_;
};

}  // namespace penstock::storage::http
