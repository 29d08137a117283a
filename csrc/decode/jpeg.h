#pragma once

#include "decode/codec.h"

namespace penstock::decode {

/// Its rows have four bytes a pixel where color has three channels.
extern const Codec kJpeg;

}  // namespace penstock::decode
