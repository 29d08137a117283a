#include "transform/pixels/window.h"

#include <algorithm>
#include <utility>

namespace penstock::transform {

void AxisWindow::move(std::int32_t new_size, std::int32_t shift) {
  origin += reversed ? shift : -shift;
  size = new_size;
  begin = std::clamp(begin + shift, 0, new_size);
  end = std::clamp(end + shift, begin, new_size);
}

void AxisWindow::flip() {
  origin += reversed ? 1 - size : size - 1;
  reversed = !reversed;
  begin = size - std::exchange(end, size - begin);
}

void Window::canvas(const Canvas& canvas, const Color3& fill) {
  const auto move = [&canvas](AxisWindow& x, AxisWindow& y) {
    x.move(canvas.extent.width, canvas.left);
    y.move(canvas.extent.height, canvas.top);
  };
  move(x_, y_);
  for (Layer& layer : layers_) move(layer.x, layer.y);
  layers_.insert(layers_.begin(),
                 {AxisWindow::whole(canvas.extent.width), AxisWindow::whole(canvas.extent.height), fill});
  drop_hidden();
}

void Window::flip(const Flip& flip) {
  const auto turn = [&flip](AxisWindow& x, AxisWindow& y) {
    if (flip.horizontal) x.flip();
    if (flip.vertical) y.flip();
  };
  turn(x_, y_);
  for (Layer& layer : layers_) turn(layer.x, layer.y);
}

void Window::drop_hidden() {
  const auto covers = [](const AxisWindow& inner, const AxisWindow& outer) {
    return inner.begin <= outer.begin && inner.end >= outer.end;
  };
  // From the inside: a layer that the next one inside covers is not seen, nor is one without area.
  const AxisWindow* x = &x_;
  const AxisWindow* y = &y_;
  std::vector<Layer> seen;
  seen.reserve(layers_.size());  // x and y point into it
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    const bool no_area = layer->x.begin >= layer->x.end || layer->y.begin >= layer->y.end;
    if (no_area || (covers(*x, layer->x) && covers(*y, layer->y))) continue;
    seen.push_back(*layer);
    x = &seen.back().x;
    y = &seen.back().y;
  }
  std::reverse(seen.begin(), seen.end());
  layers_ = std::move(seen);
}

}  // namespace penstock::transform
