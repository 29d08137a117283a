#pragma once

#include <pybind11/pybind11.h>

#include <vector>

#include "transform/steps/steps.h"

namespace penstock::bindings {

/// The core's steps of objects of penstock.detection.steps. Throws std::invalid_argument for one that it does not
/// have: Python lowers only what it has.
std::vector<transform::step::Step> read_steps(const pybind11::sequence& steps);

}  // namespace penstock::bindings
