#pragma once

#include <string_view>

#include "decode/codec.h"

namespace penstock::decode {

/// How images, and arrays, that are stored so are decoded.
const Codec& codec_of(format::Compression compression);

/// By Deep Lake's name; null where there is none such.
const Codec* codec_named(std::string_view name);

}  // namespace penstock::decode
