#include "storage/http/certificates.h"

#include <unistd.h>

#include <cstdlib>

namespace penstock::storage::http {

std::string certificates_file(const std::string& wanted) {
  if (!wanted.empty()) return wanted;
  if (const char* named = std::getenv("SSL_CERT_FILE"); named != nullptr && *named != '\0') return named;
  // A libcurl that came with a wheel looks where its builder had them.
  for (const char* known : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
                            "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem"}) {
    if (access(known, R_OK) == 0) return known;
  }
  return {};
}

}  // namespace penstock::storage::http
