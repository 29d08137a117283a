#pragma once

namespace penstock::storage {

/// Whether the core was built with libcurl; without it there is no HttpStore.
constexpr bool have_http() {
#ifdef PENSTOCK_HAVE_HTTP
  return true;
#else
  return false;
#endif
}

}  // namespace penstock::storage
