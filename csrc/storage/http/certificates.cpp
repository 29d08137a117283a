#include "storage/http/certificates.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace penstock::storage::http {
namespace {

std::string text_of(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

std::string system_certificates(const std::string& otherwise) {
  if (const char* named = std::getenv("SSL_CERT_FILE"); named != nullptr && *named != '\0') return named;
  // A libcurl that came with a wheel knows no place of its own.
  for (const char* known : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
                            "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem"}) {
    if (access(known, R_OK) == 0) return known;
  }
  return otherwise;
}

Certificates trusted_certificates(const HttpOptions& options) {
  std::string system = system_certificates(options.fallback_ca_file);
  if (options.ca_file.empty()) return {.file = std::move(system)};
  return {.text = text_of(options.ca_file) + "\n" + (system.empty() ? "" : text_of(system))};
}

}  // namespace penstock::storage::http
