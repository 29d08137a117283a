#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace penstock::decode {

inline constexpr const char* kDamagedImage = "The image is damaged: replace the sample, or leave it out.";

/// kNative is what Deep Lake returns: gray, RGB or RGBA as stored. kRgb and kBgr are always three uint8 channels:
/// gray is replicated, alpha dropped. kGray is one uint8 channel, as OpenCV reads files: a JPEG's luma, else weighted
/// RGB.
enum class Color { kNative, kRgb, kBgr, kGray };

/// Height, width and channels of an image whose stored shape is (h, w) or (h, w, c).
struct ImageSize {
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  std::uint32_t channels = 1;
};

/// Error kDecode when the shape is not an image's.
ImageSize image_size(const base::Shape& shape);

/// Shape of the decoded array: `stored` for kNative, (h, w) for kGray, (h, w, 3) otherwise. A sample without pixels
/// keeps its shape.
base::Shape decoded_shape(const base::Shape& stored, Color color);

bool has_no_elements(const base::Shape& shape);

/// "10 x 20 x 3"
std::string text_of(const base::Shape& shape);

/// Error kDecode when a file's own size is not the one that the dataset states. `codec`: the format's name.
void check_size(const char* codec, const ImageSize& found, const ImageSize& stated);

/// Turns uint8 values into truth values in place: everything but 0 becomes 1.
void make_truth_values(base::MutableBytes values);

}  // namespace penstock::decode
