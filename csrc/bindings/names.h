#pragma once

#include <stdexcept>
#include <string>

#include "decode/arrange.h"
#include "decode/codecs.h"
#include "format/tensor_format.h"
#include "transform/masks/stored_masks.h"

namespace penstock::bindings {

/// The words of Deep Lake's metadata and of penstock.detection.steps; Python has checked them.
inline format::Compression compression_named(const std::string& name) {
  if (const decode::Codec* codec = decode::codec_named(name)) return codec->compression;
  throw std::invalid_argument("unknown compression '" + name + "'");
}

/// Types of the coordinates of polygons.
inline transform::Coordinate coordinate_named(const std::string& dtype) {
  using enum transform::Coordinate;
  if (dtype == "float32") return kFloat32;
  if (dtype == "float64") return kFloat64;
  if (dtype == "int16") return kInt16;
  if (dtype == "int32") return kInt32;
  if (dtype == "int64") return kInt64;
  if (dtype == "uint16") return kUint16;
  if (dtype == "uint32") return kUint32;
  throw std::invalid_argument("unknown type of coordinates '" + dtype + "'");
}

inline decode::Scale scale_named(const std::string& name) {
  if (name == "none") return decode::Scale::kNone;
  if (name == "float32") return decode::Scale::kFloat32;
  if (name == "float16") return decode::Scale::kFloat16;
  if (name == "bfloat16") return decode::Scale::kBfloat16;
  throw std::invalid_argument("unknown element type '" + name + "'");
}

inline decode::Color color_named(const std::string& name) {
  if (name == "native") return decode::Color::kNative;
  if (name == "rgb") return decode::Color::kRgb;
  if (name == "bgr") return decode::Color::kBgr;
  if (name == "gray") return decode::Color::kGray;
  throw std::invalid_argument("unknown color '" + name + "'");
}

}  // namespace penstock::bindings
