#pragma once

#include <cstdint>

#include "transform/pixels/pixel_plan.h"
#include "transform/pixels/row_writer.h"
#include "transform/pixels/source_rows.h"
#include "transform/pixels/window.h"

namespace penstock::transform {

/// A pass whose resize is Pillow's BILINEAR: along the columns of each source row, rounded to uint8, then along the
/// rows. `before` shows parts of the source, and nothing beside it; `after` shows the image of extent `resized`. Rows
/// and sink are of uint8.
void pillow_sweep(SourceRows& rows, const Window& before, Extent resized, const Window& after, const Sink& sink);

}  // namespace penstock::transform
