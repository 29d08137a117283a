#pragma once

#include <span>
#include <utility>
#include <variant>

#include "transform/masks/bitmap_masks.h"
#include "transform/masks/polygon_masks.h"

namespace penstock::transform {

/// Masks of a sample's objects, in either of MMDetection's forms, which have the same operations.
class Masks {
  template <class Look>
  auto visit(Look look) const {
    return std::visit(look, form_);
  }
  template <class Change>
  auto change(Change change) {
    return std::visit(change, form_);
  }

 public:
  explicit Masks(BitmapMasks masks) : form_(std::move(masks)) {}
  explicit Masks(PolygonMasks masks) : form_(std::move(masks)) {}

  BitmapMasks* bitmaps() { return std::get_if<BitmapMasks>(&form_); }
  const BitmapMasks* bitmaps() const { return std::get_if<BitmapMasks>(&form_); }
  PolygonMasks* polygons() { return std::get_if<PolygonMasks>(&form_); }
  const PolygonMasks* polygons() const { return std::get_if<PolygonMasks>(&form_); }

  std::size_t size() const {
    return visit([](const auto& masks) { return masks.size(); });
  }
  Extent extent() const {
    return visit([](const auto& masks) { return masks.extent(); });
  }

  void resize(Extent extent) {
    change([&](auto& masks) { masks.resize(extent); });
  }
  void flip(bool horizontal, bool vertical) {
    change([&](auto& masks) { masks.flip(horizontal, vertical); });
  }
  void pad(Extent extent, double value) {
    change([&](auto& masks) { masks.pad(extent, value); });
  }
  void crop(std::int32_t left, std::int32_t top, std::int32_t right, std::int32_t bottom) {
    change([&](auto& masks) { masks.crop(left, top, right, bottom); });
  }
  void expand(Extent extent, std::int32_t left, std::int32_t top) {
    change([&](auto& masks) { masks.expand(extent, left, top); });
  }
  void select(std::span<const std::size_t> objects) {
    change([&](auto& masks) { masks.select(objects); });
  }

  std::vector<double> areas() {
    return change([](auto& masks) { return masks.areas(); });
  }
  Boxes boxes() {
    return change([](auto& masks) { return masks.boxes(); });
  }

 private:
  std::variant<BitmapMasks, PolygonMasks> form_;
};

}  // namespace penstock::transform
