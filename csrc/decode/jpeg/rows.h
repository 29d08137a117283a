#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/row_source.h"
#include "decode/codec.h"
#include "decode/image.h"

namespace penstock::decode::jpeg {

/// The rows of a JPEG by this folder's own decoder, bit by bit those of libjpeg-turbo ("islow", smooth chroma). Where
/// something turns out to be unusual or wrong on the way, libjpeg-turbo begins anew and goes on from there: its words
/// and its tolerance are what counts. Null where the file is none for this decoder from the start.
///
/// Args as those of TurboReader. `keep`, where there is one, gets the coefficients, packed, at the end of an image that
/// this decoder has read itself.
std::unique_ptr<base::RowSource> open_rows(base::Bytes encoded, const ImageSize& size, Color color, bool padded,
                                           Keep keep = {});

/// The same rows of what `keep` got, which outlives them. Null where it is of another size, or not what it should be.
std::unique_ptr<base::RowSource> open_packed_rows(base::Bytes packed, const ImageSize& size, Color color, bool padded);

}  // namespace penstock::decode::jpeg
