#pragma once

#include <string>

#include "storage/http/http_options.h"

namespace penstock::storage::http {

/// Whose signatures servers are believed by: PEM, as a file that libcurl reads once and keeps, or as text where there
/// are several files.
struct Certificates {
  std::string file = {};  ///< empty: libcurl has an idea of its own, or `text` has all
  std::string text = {};
};

/// The system's file of certificates: SSL_CERT_FILE, else where Debian, Red Hat, Alpine and SUSE keep them, else
/// `otherwise`.
std::string system_certificates(const std::string& otherwise);

/// The system's certificates, and beside them those of the options. A file that cannot be read has none.
Certificates trusted_certificates(const HttpOptions& options);

}  // namespace penstock::storage::http
