#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bindings/python_reference.h"
#include "storage/http/http_options.h"
#include "storage/http/url_source.h"
#include "storage/store.h"

namespace penstock::bindings {

/// URLs that Python signs: an object with sign(keys: list[str], fresh: bool) -> list[tuple[str, dict[str, str],
/// float]], of URL, headers and seconds of validity. What it raises becomes a base::Error (core_error).
class PythonUrls final : public storage::UrlSource {
 public:
  explicit PythonUrls(std::shared_ptr<const PythonReference> signer) : signer_(std::move(signer)) {}

  std::vector<storage::SignedUrl> sign(std::span<const std::string> keys, bool fresh) override;

 private:
  std::shared_ptr<const PythonReference> signer_;
};

/// `options` is a dictionary with the names of HttpOptions, of which None stands for the default. Errors: TypeError of
/// a name or a type, ValueError of a number that is not above 0. The GIL is held.
storage::HttpOptions http_options(const pybind11::dict& options);

/// A store that reads what `signer` signs, with signer.options, a dataclass with the names of HttpOptions, and
/// signer.report(text), where it has that, for bursts of retries. The GIL is held.
std::shared_ptr<storage::Store> http_store_of(const pybind11::object& signer);

}  // namespace penstock::bindings
