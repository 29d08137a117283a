#pragma once

#include <cstdint>
#include <vector>

#include "transform/pixels/pixel_plan.h"

namespace penstock::transform {

/// One axis of an image that shows a part of another: coordinates [begin, end) of its `size` show the other's.
struct AxisWindow {
  std::int32_t size = 0;
  std::int32_t begin = 0;
  std::int32_t end = 0;
  std::int32_t origin = 0;
  bool reversed = false;

  static AxisWindow whole(std::int32_t size) { return {size, 0, size, 0, false}; }
  bool shows(std::int32_t at) const { return at >= begin && at < end; }
  /// The other's coordinate that is shown at `at`.
  std::int32_t shown(std::int32_t at) const { return reversed ? origin - at : origin + at; }
  void move(std::int32_t new_size, std::int32_t shift);
  void flip();
};

/// What canvases and flips, one after the other, make of an image: a part of it, within rectangles of one color each,
/// the outermost first. Only rectangles of which something is seen are kept.
class Window {
 public:
  struct Layer {
    AxisWindow x;
    AxisWindow y;
    Color3 value{};
  };

  Window() = default;
  explicit Window(Extent extent) : x_(AxisWindow::whole(extent.width)), y_(AxisWindow::whole(extent.height)) {}

  void canvas(const Canvas& canvas, const Color3& fill);
  void flip(const Flip& flip);

  Extent extent() const { return {y_.size, x_.size}; }
  const AxisWindow& x() const { return x_; }
  const AxisWindow& y() const { return y_; }
  /// Nothing of the image is seen.
  bool empty() const { return x_.begin >= x_.end || y_.begin >= y_.end; }
  const std::vector<Layer>& layers() const { return layers_; }
  std::vector<Layer>& layers() { return layers_; }

 private:
  void drop_hidden();

  AxisWindow x_;
  AxisWindow y_;
  std::vector<Layer> layers_;
};

}  // namespace penstock::transform
