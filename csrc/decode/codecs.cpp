#include "decode/codecs.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "decode/jpeg.h"
#include "decode/png.h"
#include "decode/raw.h"
#include "decode/webp.h"

namespace penstock::decode {
namespace {

constexpr std::array<const Codec*, 5> kCodecs{&kJpeg, &kPng, &kWebp, &kRaw, &kLz4};

}  // namespace

const Codec& codec_of(format::Compression compression) {
  const auto* const found = std::find_if(kCodecs.begin(), kCodecs.end(),
                                         [&](const Codec* codec) { return codec->compression == compression; });
  if (found == kCodecs.end()) throw std::logic_error("a compression without a codec");
  return **found;
}

const Codec* codec_named(std::string_view name) {
  const auto* const found =
      std::find_if(kCodecs.begin(), kCodecs.end(), [&](const Codec* codec) { return codec->name == name; });
  return found == kCodecs.end() ? nullptr : *found;
}

}  // namespace penstock::decode
