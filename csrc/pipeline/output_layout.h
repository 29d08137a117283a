#pragma once

#include <cstddef>

namespace penstock::pipeline {

/// Which tensor of a detector's batch is which: the images, once for each view; with annotations, gt_bboxes (float32,
/// n x 4), gt_labels (int64, n), gt_bboxes_ignore (float32, n x 4) and flags (uint8, n, or none where the table has
/// none); with masks, the two arrays of mask_output.h.
struct OutputLayout {
  std::size_t views = 1;
  bool annotated = false;
  bool masked = false;

  std::size_t image(std::size_t view) const { return view; }
  std::size_t boxes() const { return views; }
  std::size_t labels() const { return views + 1; }
  std::size_t ignored() const { return views + 2; }
  std::size_t flags() const { return views + 3; }
  std::size_t mask_values() const { return views + (annotated ? 4 : 0); }
  std::size_t mask_ends() const { return mask_values() + 1; }
  std::size_t count() const { return mask_values() + (masked ? 2 : 0); }
};

}  // namespace penstock::pipeline
