#pragma once

#include <string>

namespace penstock::storage::http {

/// libcurl's version, and that of the TLS library that it uses: "7.88.1 (OpenSSL/3.0.15)".
std::string curl_version_text();

}  // namespace penstock::storage::http
