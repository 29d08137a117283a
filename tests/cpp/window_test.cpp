#include "transform/pixels/window.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <vector>

namespace penstock::transform {
namespace {

/// An image whose pixels know where they come from: a coordinate of the source, or a color.
struct Pixel {
  std::int32_t x = -1, y = -1;
  float color = 0;
  bool operator==(const Pixel&) const = default;
};

struct Picture {
  Extent extent;
  std::vector<Pixel> pixels;

  Pixel& at(std::int32_t y, std::int32_t x) {
    return pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(extent.width) + static_cast<std::size_t>(x)];
  }
};

Picture blank(Extent extent, float color) {
  const auto count = static_cast<std::size_t>(extent.height) * static_cast<std::size_t>(extent.width);
  return {extent, std::vector<Pixel>(count, {-1, -1, color})};
}

Picture apply(Picture from, const Canvas& canvas) {
  Picture to = blank(canvas.extent, canvas.fill[0]);
  for (std::int32_t y = 0; y < from.extent.height; ++y) {
    for (std::int32_t x = 0; x < from.extent.width; ++x) {
      const std::int32_t row = y + canvas.top, column = x + canvas.left;
      const bool inside = row >= 0 && row < to.extent.height && column >= 0 && column < to.extent.width;
      if (inside) to.at(row, column) = from.at(y, x);
    }
  }
  return to;
}

Picture apply(Picture from, const Flip& flip) {
  Picture to = from;
  for (std::int32_t y = 0; y < from.extent.height; ++y) {
    for (std::int32_t x = 0; x < from.extent.width; ++x) {
      to.at(y, x) =
          from.at(flip.vertical ? from.extent.height - 1 - y : y, flip.horizontal ? from.extent.width - 1 - x : x);
    }
  }
  return to;
}

Pixel shown(const Window& view, std::int32_t y, std::int32_t x) {
  if (view.x().shows(x) && view.y().shows(y)) return {view.x().shown(x), view.y().shown(y), 0};
  Pixel pixel;
  for (const Window::Layer& layer : view.layers()) {
    if (layer.x.shows(x) && layer.y.shows(y)) pixel.color = layer.value[0];
  }
  return pixel;
}

TEST(Window, IsWhatItsStepsMakeOneAfterTheOther) {
  std::mt19937 random(1);
  const auto below = [&random](std::int32_t most) {
    return static_cast<std::int32_t>(random() % static_cast<unsigned>(most));
  };
  for (int run = 0; run < 2000; ++run) {
    const Extent source{1 + below(6), 1 + below(6)};
    Picture picture = blank(source, 0);
    for (std::int32_t y = 0; y < source.height; ++y) {
      for (std::int32_t x = 0; x < source.width; ++x) picture.at(y, x) = {x, y, 0};
    }
    Window view(source);
    for (int step = 0, steps = below(6); step < steps; ++step) {
      if (below(3) == 0) {
        const Flip flip{below(2) == 0, below(2) == 0};
        picture = apply(picture, flip);
        view.flip(flip);
      } else {
        const auto color = static_cast<float>(step + 1);
        const Canvas canvas{{1 + below(8), 1 + below(8)}, below(9) - 4, below(9) - 4, {color, color, color}};
        picture = apply(picture, canvas);
        view.canvas(canvas, canvas.fill);
      }
    }
    ASSERT_EQ(view.extent(), picture.extent);
    for (std::int32_t y = 0; y < picture.extent.height; ++y) {
      for (std::int32_t x = 0; x < picture.extent.width; ++x) ASSERT_EQ(shown(view, y, x), picture.at(y, x));
    }
  }
}

TEST(Window, KeepsNoLayerThatIsNotSeen) {
  Window view(Extent{100, 100});
  view.canvas({{200, 200}, 50, 50, {1, 1, 1}}, {1, 1, 1});
  EXPECT_EQ(view.layers().size(), 1U);
  view.canvas({{80, 80}, -60, -60, {2, 2, 2}}, {2, 2, 2});
  EXPECT_TRUE(view.layers().empty());
}

}  // namespace
}  // namespace penstock::transform
