#pragma once

#include <memory>

#include "base/bytes.h"

namespace penstock::pipeline {

/// A sample as it is stored, with what keeps its bytes alive. One that comes out as bytes is decompressed already: its
/// shape is known only then.
struct FetchedSample {
  base::Bytes stored;
  base::Shape shape;
  std::shared_ptr<const void> owner;
  /// `stored` holds pixels or elements as they are, whatever compression the tensor's format names.
  bool raw = false;
};

}  // namespace penstock::pipeline
