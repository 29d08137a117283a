#pragma once

#include <stdexcept>
#include <string>

#include "decode/codecs.h"
#include "format/tensor_format.h"

namespace penstock::bindings {

/// The words of Deep Lake's metadata and of penstock.detection.steps; Python has checked them.
inline format::Compression compression_named(const std::string& name) {
  if (const decode::Codec* codec = decode::codec_named(name)) return codec->compression;
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
