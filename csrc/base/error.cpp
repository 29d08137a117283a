#include "base/error.h"

#include <utility>

namespace penstock::base {

Error::Error(ErrorKind kind, std::string cause, std::string hint)
    : kind_(kind), cause_(std::move(cause)), hint_(std::move(hint)) {}

void Error::set_place(const std::string& tensor, std::int64_t sample, const std::string& chunk) {
  if (tensor_.empty()) tensor_ = tensor;
  if (sample_ < 0) sample_ = sample;
  if (chunk_.empty()) chunk_ = chunk;
}

}  // namespace penstock::base
