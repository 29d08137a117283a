#pragma once

#include <stdexcept>
#include <string>

#include "decode/image_decoder.h"
#include "format/tensor_format.h"

namespace penstock::bindings {

/// The words of Deep Lake's metadata and of penstock.detection.steps; Python has checked them.
inline format::Compression compression_named(const std::string& name) {
  if (name == "none") return format::Compression::kNone;
  if (name == "jpeg") return format::Compression::kJpeg;
  if (name == "png") return format::Compression::kPng;
  if (name == "webp") return format::Compression::kWebp;
  if (name == "lz4") return format::Compression::kLz4;
  throw std::invalid_argument("unknown compression '" + name + "'");
}

inline decode::Color color_named(const std::string& name) {
  if (name == "native") return decode::Color::kNative;
  if (name == "rgb") return decode::Color::kRgb;
  if (name == "bgr") return decode::Color::kBgr;
  if (name == "gray") return decode::Color::kGray;
  throw std::invalid_argument("unknown color '" + name + "'");
}

}  // namespace penstock::bindings
