#pragma once

#include "transform/pixels/row_writer.h"
#include "transform/pixels/source_rows.h"
#include "transform/pixels/window.h"

namespace penstock::transform {

/// Writes what a window shows of an image of uint8, and what surrounds it: a pass whose pixels stay as they are.
void copy_sweep(SourceRows& rows, const Window& window, const Sink& sink);

}  // namespace penstock::transform
