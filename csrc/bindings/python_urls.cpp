#include "bindings/python_urls.h"

#include <pybind11/stl.h>

#include <functional>
#include <map>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "bindings/errors.h"
#include "bindings/python_gil.h"
#include "storage/http/http_store.h"

namespace py = pybind11;

namespace penstock::bindings {
namespace {

using Signed = std::vector<std::tuple<std::string, std::map<std::string, std::string>, double>>;

/// Calls a method from a thread that does not hold the GIL.
template <class Use>
auto call_method(const PythonReference& object, const char* name, Use use) {
  const GilAcquire gil;
  try {
    return use(attribute_of(object.get(), name));
  } catch (py::error_already_set& error) {
    throw core_error(error);
  } catch (py::cast_error&) {
    throw base::Error(base::ErrorKind::kStorage, std::string(name) + "() answered with an object of the wrong type");
  }
}

template <class Number>
Number above_zero(const std::string& name, const py::handle& value) {
  const auto number = value.cast<Number>();
  if (!(number > 0)) throw py::value_error(name + " must be above 0");
  return number;
}

using Setter = std::function<void(storage::HttpOptions&, const std::string&, const py::handle&)>;

template <class Value>
Setter number(Value storage::HttpOptions::* member) {
  return [member](storage::HttpOptions& options, const std::string& name, const py::handle& value) {
    options.*member = above_zero<Value>(name, value);
  };
}

template <class Value>
Setter plain(Value storage::HttpOptions::* member) {
  return [member](storage::HttpOptions& options, const std::string&, const py::handle& value) {
    options.*member = value.cast<Value>();
  };
}

std::map<std::string, Setter> setters() {
  using storage::HttpOptions;
  return {{"connections", number(&HttpOptions::connections)},
          {"attempts", number(&HttpOptions::attempts)},
          {"deadline_seconds", number(&HttpOptions::deadline_seconds)},
          {"backoff_seconds", number(&HttpOptions::backoff_seconds)},
          {"backoff_cap_seconds", number(&HttpOptions::backoff_cap_seconds)},
          {"connect_seconds", number(&HttpOptions::connect_seconds)},
          {"stall_seconds", number(&HttpOptions::stall_seconds)},
          {"hedge", plain(&HttpOptions::hedge)},
          {"ca_file", plain(&HttpOptions::ca_file)},
          {"verify", plain(&HttpOptions::verify)},
          {"user_agent", plain(&HttpOptions::user_agent)}};
}

}  // namespace

std::vector<storage::SignedUrl> PythonUrls::sign(std::span<const std::string> keys, bool fresh) {
  Signed made = call_method(*signer_, "sign", [&](const py::object& sign) {
    const py::list names = py::cast(std::vector<std::string>(keys.begin(), keys.end()));
    return call_python(sign, py::make_tuple(names, fresh)).cast<Signed>();
  });
  std::vector<storage::SignedUrl> urls;
  urls.reserve(made.size());
  for (auto& [url, headers, valid_for] : made) urls.push_back({std::move(url), std::move(headers), valid_for});
  return urls;
}

storage::HttpOptions http_options(const py::dict& options) {
  const std::map<std::string, Setter> known = setters();
  storage::HttpOptions made;
  for (const auto& [key, value] : options) {
    const auto name = key.cast<std::string>();
    if (value.is_none()) continue;
    const auto found = known.find(name);
    if (found == known.end()) throw py::type_error("there is no option '" + name + "'");
    try {
      found->second(made, name, value);
    } catch (py::cast_error&) {
      throw py::type_error("the option '" + name + "' has the wrong type");
    }
  }
  return made;
}

std::shared_ptr<storage::Store> http_store_of(const py::object& signer) {
  const py::object asdict = py::module_::import("dataclasses").attr("asdict");
  storage::HttpOptions options = http_options(asdict(signer.attr("options")));
  if (py::hasattr(signer, "fallback_ca_file")) {
    const py::object file = signer.attr("fallback_ca_file");
    if (!file.is_none()) options.fallback_ca_file = file.cast<std::string>();
  }
  const auto shared = std::make_shared<const PythonReference>(signer);
  std::function<void(std::string)> report;
  if (py::hasattr(signer, "report")) {
    report = [shared](const std::string& text) {
      call_method(*shared, "report", [&](const py::object& tell) {
        call_python(tell, py::make_tuple(text));
        return 0;
      });
    };
  }
  return std::make_shared<storage::HttpStore>(std::make_shared<PythonUrls>(shared), options, std::move(report));
}

}  // namespace penstock::bindings
