#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "transform/steps/sample.h"

namespace penstock::pipeline {

/// Names of the columns of a row of metas; each is a number, NaN where the pipeline has not set it.
const std::vector<std::string>& meta_columns();

/// Appends the row of one view of a sample. `index`: which sample of the dataset it is.
void append_meta_row(std::vector<double>& rows, const transform::Sample& sample, std::int64_t index,
                     std::uint32_t attempt);

}  // namespace penstock::pipeline
