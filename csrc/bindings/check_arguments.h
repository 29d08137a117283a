#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "pipeline/detection_recipe.h"
#include "pipeline/tensor_source.h"
#include "transform/steps/annotation_table.h"

/// The core trusts what it is told of a dataset. These throw std::invalid_argument (ValueError) where what comes from
/// Python would make it read or write beyond its memory.
namespace penstock::bindings {

void check_source(const pipeline::TensorSource& source);
void check_table(const transform::AnnotationTable& table);
/// `samples` of a table or an order: that each tensor has them.
void check_samples(const std::vector<pipeline::TensorSource>& sources, std::span<const std::int64_t> samples);
void check_detection(const pipeline::DetectionSpec& detection, const std::vector<pipeline::TensorSource>& sources);
/// `ends` rise, up to the order's length.
void check_ends(const std::vector<std::size_t>& ends, std::size_t samples);

}  // namespace penstock::bindings
