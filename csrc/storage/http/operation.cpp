#include "storage/http/operation.h"

#include <cstdio>
#include <string>

#include "storage/http/shown_url.h"

namespace penstock::storage::http {
namespace {

std::string seconds_since(TimePoint begin, TimePoint now) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", std::chrono::duration<double>(now - begin).count());
  return text;
}

std::string begins(const Operation& operation, const char* what) {
  std::string text = "'" + operation.request.key + "' " + what;
  if (const std::string where = operation.where(); !where.empty()) text += " from " + where;
  return text;
}

}  // namespace

std::string Operation::where() const {
  if (!redirected_to.empty()) return shown_url(redirected_to);
  return url ? shown_url(url->signed_url.url) : std::string();
}

base::Error error_of(const Operation& operation, const Failure& failure, TimePoint now) {
  std::string text = failure.kind == base::ErrorKind::kChunkNotFound
                         ? "chunk '" + operation.request.key + "' does not exist at " + operation.where()
                         : begins(operation, "cannot be read");
  text += ": " + failure.text;
  if (operation.failed > 1) {
    text += ", after " + std::to_string(operation.failed) + " attempts in " + seconds_since(operation.begun, now);
  }
  std::string hint = failure.hint;
  if (hint.empty() && failure.remedy != Remedy::kNone) hint = "See whether the storage can be reached and is well";
  return {failure.kind, std::move(text), std::move(hint)};
}

base::Error timeout_of(const Operation& operation, TimePoint now) {
  std::string text = begins(operation, "did not come") + " within " + seconds_since(operation.begun, now);
  if (operation.failed > 0) {
    text += ", after " + std::to_string(operation.failed) + " failed attempts; of the last, " + operation.last.text;
  } else if (operation.state == Operation::State::kNeedsUrl) {
    text += ": no URL was given for it";
  } else {
    text += ": the server is too slow, or silent";
  }
  return {base::ErrorKind::kStorageTimeout, std::move(text),
          "See whether the storage answers; where it is slow, raise deadline_seconds"};
}

Failure object_changed() {
  return final_failure(base::ErrorKind::kStorage, "the object changed while it was read",
                       "Something writes to the dataset: open it again when that has ended");
}

}  // namespace penstock::storage::http
