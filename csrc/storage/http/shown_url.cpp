#include "storage/http/shown_url.h"

#include <algorithm>
#include <cctype>

namespace penstock::storage::http {
namespace {

struct Parts {
  std::string_view scheme;  // with "://", where there is one
  std::string_view host;    // with the port
  std::string_view path;
};

Parts parts_of(std::string_view url) {
  Parts parts;
  url = url.substr(0, url.find_first_of("?#"));
  if (const std::size_t colon = url.find("://"); colon != std::string_view::npos) {
    parts.scheme = url.substr(0, colon + 3);
    url.remove_prefix(colon + 3);
  }
  const std::size_t slash = std::min(url.find_first_of("/\\"), url.size());
  parts.host = url.substr(0, slash);
  parts.path = url.substr(slash);
  if (const std::size_t at = parts.host.rfind('@'); at != std::string_view::npos) parts.host.remove_prefix(at + 1);
  return parts;
}

}  // namespace

std::string shown_url(std::string_view url) {
  const Parts parts = parts_of(url);
  std::string shown;
  shown.append(parts.scheme).append(parts.host).append(parts.path);
  // What a redirect brings may hold what a terminal would obey.
  std::erase_if(shown, [](unsigned char letter) { return letter < 0x20 || letter == 0x7F; });
  return shown;
}

std::string origin_of(std::string_view url) {
  const Parts parts = parts_of(url);
  std::string origin;
  origin.append(parts.scheme).append(parts.host);
  std::ranges::transform(origin, origin.begin(),
                         [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return origin;
}

}  // namespace penstock::storage::http
