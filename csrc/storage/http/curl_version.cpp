#include "storage/http/curl_version.h"

#include <curl/curl.h>

namespace penstock::storage::http {

std::string curl_version_text() {
  const curl_version_info_data* found = curl_version_info(CURLVERSION_NOW);
  std::string text = found->version;
  if (found->ssl_version != nullptr) text += std::string(" (") + found->ssl_version + ")";
  return text;
}

}  // namespace penstock::storage::http
