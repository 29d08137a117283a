#pragma once

#include <pybind11/pybind11.h>

#include <span>
#include <string_view>

#include "base/bytes.h"

namespace penstock::bindings {

/// Python's bytes where they lie; they must stay alive.
inline base::Bytes view_of(const pybind11::bytes& data) {
  const std::string_view text = data;
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace penstock::bindings
