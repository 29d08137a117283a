#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>

#include "bindings/names.h"
#include "decode/image_decoder.h"
#include "testing/register.h"
#include "transform/pixels/pixel_plan.h"
#include "transform/pixels/pixel_source.h"

namespace py = pybind11;

namespace penstock::testing {
namespace {

using namespace transform;
using bindings::color_named;
using bindings::compression_named;

/// An image for tests: its bytes as a dataset would have them.
struct StoredImage {
  format::Compression compression;
  std::string bytes;
  base::Shape shape;
};

class StoredImages final : public PixelSources {
 public:
  StoredImages(const std::vector<StoredImage>& images, decode::Color color) : images_(images), color_(color) {}
  std::unique_ptr<base::RowSource> open(std::size_t number) override {
    const StoredImage& image = images_.at(number);
    return decode::open_image(image.compression, std::as_bytes(std::span(image.bytes)), image.shape, color_);
  }

 private:
  const std::vector<StoredImage>& images_;
  decode::Color color_;
};

PixelPlan plan_of(const py::dict& described, const std::vector<StoredImage>& images);

std::shared_ptr<const PixelPlan> shared_plan(const py::dict& step, const std::vector<StoredImage>& images) {
  return std::make_shared<const PixelPlan>(plan_of(step["image_plan"].cast<py::dict>(), images));
}

Extent extent_in(const py::dict& step) {
  const auto [height, width] = step["extent"].cast<std::pair<std::int32_t, std::int32_t>>();
  return {height, width};
}

Photometric photometric_in(const py::dict& step) {
  return {step["brightness"].cast<float>(),        step["contrast_before"].cast<float>(),
          step["saturation"].cast<float>(),        step["hue"].cast<float>(),
          step["contrast_after"].cast<float>(),    step["order"].cast<std::array<std::uint8_t, 3>>(),
          step["largest_saturation"].cast<float>()};
}

Fill fill_in(const py::dict& step) {
  Fill fill{{}, step["value"].cast<Color3>()};
  for (const auto& [left, top, right, bottom] : step["rectangles"].cast<std::vector<std::array<std::int32_t, 4>>>()) {
    fill.rectangles.push_back({left, top, right, bottom});
  }
  return fill;
}

/// A dict with the step's name under "type" and its fields.
PixelStep step_of(const py::dict& step, const std::vector<StoredImage>& images) {
  const auto type = step["type"].cast<std::string>();
  const auto integer = [&step](const char* name) { return step[name].cast<std::int32_t>(); };
  if (type == "ToFloat") return ToFloat{};
  if (type == "Canvas") return Canvas{extent_in(step), integer("left"), integer("top"), step["fill"].cast<Color3>()};
  if (type == "Resize") {
    return Resize{extent_in(step), step["nearest"].cast<bool>(),
                  step.contains("pillow") && step["pillow"].cast<bool>()};
  }
  if (type == "ResizeInDoubles") return ResizeInDoubles{extent_in(step)};
  if (type == "Flip") return Flip{step["horizontal"].cast<bool>(), step["vertical"].cast<bool>()};
  if (type == "Fill") return fill_in(step);
  if (type == "Photometric") return photometric_in(step);
  if (type == "HsvGains") return HsvGains{step["gains"].cast<std::array<std::int16_t, 3>>()};
  if (type == "Normalize") {
    return Normalize{step["mean"].cast<std::array<double, 3>>(), step["inverse_std"].cast<std::array<double, 3>>(),
                     step["swap"].cast<bool>()};
  }
  if (type == "LevelBlend") {
    return LevelBlend{static_cast<LevelBlend::With>(integer("with")), step["weight"].cast<double>(),
                      step["in_doubles"].cast<bool>(), step["fused"].cast<bool>()};
  }
  if (type == "Warp") {
    return Warp{step["matrix"].cast<std::array<double, 9>>(), extent_in(step), step["fill"].cast<Color3>()};
  }
  if (type == "Overlay") return Overlay{shared_plan(step, images), integer("left"), integer("top")};
  if (type == "Blend") return Blend{shared_plan(step, images)};
  if (type == "Select") {
    return Select{shared_plan(step, images),
                  std::make_shared<const std::vector<std::uint8_t>>(step["mask"].cast<std::vector<std::uint8_t>>())};
  }
  throw std::invalid_argument("unknown step '" + type + "'");
}

PixelPlan plan_of(const py::dict& described, const std::vector<StoredImage>& images) {
  PixelPlan plan;
  plan.source = described["source"].cast<std::size_t>();
  const base::Shape& shape = images.at(plan.source).shape;
  plan.source_extent = {static_cast<std::int32_t>(shape.at(0)), static_cast<std::int32_t>(shape.at(1))};
  plan.channels = described["channels"].cast<std::uint32_t>();
  for (const py::handle step : described["steps"]) {
    plan.steps.push_back(step_of(py::reinterpret_borrow<py::dict>(step), images));
  }
  return plan;
}

py::array run_pixels(const std::vector<std::tuple<std::string, py::bytes, base::Shape>>& stored,
                     const py::dict& described, bool planar, std::pair<std::int32_t, std::int32_t> padded,
                     float pad_value, const std::string& color) {
  std::vector<StoredImage> images;
  for (const auto& [compression, bytes, shape] : stored) {
    images.push_back({compression_named(compression), std::string(bytes), shape});
  }
  const PixelPlan plan = plan_of(described, images);
  const Extent extent = extent_of(plan);
  const Extent whole{std::max(padded.first, extent.height), std::max(padded.second, extent.width)};
  const py::ssize_t channels = plan.channels, height = whole.height, width = whole.width;
  std::vector<py::ssize_t> shape{height, width, channels};
  if (planar) std::rotate(shape.begin(), shape.end() - 1, shape.end());
  py::array out(py::dtype(is_float(plan) ? "float32" : "uint8"), shape);
  StoredImages sources(images, color_named(color));
  const PixelTarget target{static_cast<std::byte*>(out.mutable_data()), planar, whole, pad_value};
  const py::gil_scoped_release release;
  transform::run_pixels(plan, sources, target);
  return out;
}

}  // namespace

void register_pixels(py::module_& module) {
  module.def("run_pixels", &run_pixels, py::arg("images"), py::arg("plan"), py::arg("planar") = false,
             py::arg("padded") = std::pair<std::int32_t, std::int32_t>(0, 0), py::arg("pad_value") = 0.0F,
             py::arg("color") = "bgr");
}

}  // namespace penstock::testing
