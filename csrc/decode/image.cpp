#include "decode/image.h"

#include <algorithm>

#include "base/error.h"

namespace penstock::decode {

ImageSize image_size(const base::Shape& shape) {
  if (shape.size() == 2) return {shape[0], shape[1], 1};
  if (shape.size() == 3) return {shape[0], shape[1], shape[2]};
  throw base::Error(base::ErrorKind::kDecode,
                    "an image has two or three axes, this sample has " + std::to_string(shape.size()));
}

base::Shape decoded_shape(const base::Shape& stored, Color color) {
  if (color == Color::kNative || has_no_elements(stored)) return stored;
  const ImageSize size = image_size(stored);
  if (color == Color::kGray) return {size.height, size.width};
  return {size.height, size.width, 3};
}

bool has_no_elements(const base::Shape& shape) { return std::find(shape.begin(), shape.end(), 0U) != shape.end(); }

std::string text_of(const base::Shape& shape) {
  std::string text;
  for (const std::uint32_t extent : shape) text += (text.empty() ? "" : " x ") + std::to_string(extent);
  return text;
}

void check_size(const char* codec, const ImageSize& found, const ImageSize& stated) {
  std::string cause;
  if (found.height != stated.height || found.width != stated.width) {
    cause = "the image is " + text_of({found.height, found.width}) + " (height x width), the dataset says " +
            text_of({stated.height, stated.width});
  } else if (found.channels != stated.channels) {
    cause = "the image has " + std::to_string(found.channels) + " channels, the dataset says " +
            std::to_string(stated.channels);
  } else {
    return;
  }
  throw base::Error(base::ErrorKind::kDecode, std::string(codec) + ": " + cause);
}

void make_truth_values(base::MutableBytes values) {
  for (std::byte& value : values) value = value == std::byte{0} ? std::byte{0} : std::byte{1};
}

}  // namespace penstock::decode
