#pragma once

#include <memory>

#include "base/row_source.h"
#include "transform/pixels/image.h"

namespace penstock::transform {

/// What a pass reads: rows of pixels of four values, uint8 or float32.
class SourceRows {
 public:
  virtual ~SourceRows() = default;
  SourceRows() = default;
  SourceRows(const SourceRows&) = delete;
  SourceRows& operator=(const SourceRows&) = delete;

  virtual Extent extent() const = 0;
  virtual bool is_float() const = 0;
  /// Before the first row: all that is needed of each are the pixels [begin, end). Others may come out as anything.
  virtual void keep_columns(std::int32_t begin, std::int32_t end) = 0;
  /// Asked for with rising numbers; valid until the next call.
  virtual const std::byte* row(std::int32_t number) = 0;
  /// After the last row that was needed.
  virtual void finish() = 0;
};

/// Rows of an image that is being decoded, a few at a time so that they are still in the cache when they are used.
std::unique_ptr<SourceRows> stream_rows(std::unique_ptr<base::RowSource> source);
/// Rows of `image`, which must stay.
std::unique_ptr<SourceRows> image_rows(const Image& image);

}  // namespace penstock::transform
