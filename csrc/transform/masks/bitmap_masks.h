#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "transform/box_ops.h"
#include "transform/masks/index_map.h"
#include "transform/masks/mask_patches.h"

namespace penstock::transform {

/// Bitmaps of a number of objects, a byte a pixel, all of one extent: MMDetection's BitmapMasks. Each operation gives
/// what MMDetection's gives, byte for byte.
///
/// Resizing, flipping, cutting and padding are done to two index maps; a byte is moved once, when it is asked for.
/// See Note [Masks move once]. Copies are cheap. Where MMDetection fails, Error kTransform.
class BitmapMasks {
 public:
  explicit BitmapMasks(MaskPatches source);

  std::size_t size() const { return objects_.size(); }
  Extent extent() const;
  /// Bytes that write() needs.
  std::size_t byte_count() const;

  /// cv2.resize, INTER_NEAREST.
  void resize(Extent extent);
  void flip(bool horizontal, bool vertical);
  /// To the right and below; the value is rounded to even and kept in 0..255. Of masks that are larger than
  /// `extent` MMDetection makes others: their bytes, cut anew into masks of that extent, or an error where that leaves
  /// a rest.
  void pad(Extent extent, double value = 0);
  /// Right and bottom exclusive; the box is cut to the image, and is never smaller than a pixel.
  void crop(std::int32_t left, std::int32_t top, std::int32_t right, std::int32_t bottom);
  /// Zeros around, with the upper left corner at (left, top).
  void expand(Extent extent, std::int32_t left, std::int32_t top);

  /// Takes objects by number, in any order and more than once. Error kTransform for a number that there is not.
  void select(std::span<const std::size_t> objects);

  /// Sum of each object's bytes.
  std::vector<double> areas();
  /// Around the bytes that are not 0: first column and row, last column and row + 1. All 0 where there are none.
  Boxes boxes();

  /// All objects' rows, one object after another.
  void write(base::MutableBytes out) const;

  /// For each pixel 1 where any object has a byte that is not 0, else 0 (CopyPaste).
  std::vector<std::uint8_t> any();
  /// 0 where `covered`, a byte a pixel, is not 0.
  void clear(std::span<const std::uint8_t> covered);
  /// Others of the same extent behind these.
  void append(const BitmapMasks& others);

 private:
  MaskPatch patch_of(std::size_t object) const { return source_.patches[objects_[object]]; }
  void write_object(const MaskPatch& patch, const std::vector<std::uint8_t>& border, std::uint8_t* out) const;
  void fill_border_row(std::int32_t row, std::span<std::uint8_t> out) const;
  std::int32_t new_border(std::uint8_t value);
  void reshape(Extent extent);
  /// Moves the bytes where the maps change anything; afterwards each patch is as small as it can be.
  void settle();
  void settle_into(std::shared_ptr<std::uint8_t[]> bytes, std::size_t objects, Extent extent);

  MaskPatches source_;
  std::vector<std::size_t> objects_;  ///< which of the source's patches
  IndexMap rows_;
  IndexMap columns_;
  std::vector<std::uint8_t> borders_;  ///< values; of two borders that meet in a pixel the later one is seen
  bool moved_ = false;                 ///< whether the maps change anything
  bool tight_ = false;                 ///< whether each patch is as small as its bytes allow
};

/// Filled rectangles from boxes cut to integers, with Python's slices: negative edges count from the far side
/// (CopyPaste.gen_masks_from_bboxes). Error kTransform for a NaN or an infinite edge.
BitmapMasks masks_of_boxes(const Boxes& boxes, Extent extent);

}  // namespace penstock::transform
