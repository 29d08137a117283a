#pragma once

#include "support/jpeg_files.h"

namespace penstock::test {

struct JpegOptions {
  int across = 1;  ///< of luma to chroma
  int down = 1;
  int quality = 90;
  unsigned restart_interval = 0;  ///< in MCUs
  bool own_codes = false;         ///< Huffman tables that are made for the picture
  bool rgb = false;               ///< not converted to YCbCr
};

/// A baseline JPEG of gray or RGB by libjpeg.
ByteVector encode_baseline(const Picture& picture, const JpegOptions& options);

}  // namespace penstock::test
