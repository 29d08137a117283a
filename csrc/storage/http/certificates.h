#pragma once

#include <string>

namespace penstock::storage::http {

/// The file of certificates to trust: `wanted`, else SSL_CERT_FILE, else where Debian, Red Hat, Alpine and SUSE keep
/// them. Empty where there is none of these: libcurl has an idea of its own.
std::string certificates_file(const std::string& wanted);

}  // namespace penstock::storage::http
