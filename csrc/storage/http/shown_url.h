#pragma once

#include <string>
#include <string_view>

namespace penstock::storage::http {

/// A URL as messages show it: without query and fragment, which hold signatures, and without user and password.
std::string shown_url(std::string_view url);

/// "scheme://host:port" as it stands in the URL, in lower case, without user and password.
std::string origin_of(std::string_view url);

}  // namespace penstock::storage::http
