#include "decode/library_versions.h"

// jpeglib.h uses FILE and leaves it to others to declare it.
#include <cstdio>

#include <jpeglib.h>
#include <png.h>
#include <webp/decode.h>

namespace penstock::decode {
namespace {

#define PENSTOCK_TEXT_OF(token) #token
#define PENSTOCK_TEXT(token) PENSTOCK_TEXT_OF(token)

/// libjpeg does not say its version when it runs.
std::pair<std::string, std::string> jpeg_version() {
#ifdef LIBJPEG_TURBO_VERSION
  return {"libjpeg-turbo", PENSTOCK_TEXT(LIBJPEG_TURBO_VERSION)};
#else
  return {"libjpeg", std::to_string(JPEG_LIB_VERSION)};
#endif
}

std::string webp_version() {
  const int version = WebPGetDecoderVersion();
  return std::to_string(version >> 16) + "." + std::to_string(version >> 8 & 0xff) + "." +
         std::to_string(version & 0xff);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> library_versions() {
  return {jpeg_version(), {"libpng", png_get_libpng_ver(nullptr)}, {"libwebp", webp_version()}};
}

}  // namespace penstock::decode
