#include <cstddef>
#include <cstdint>
#include <span>

#include "targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  penstock::fuzz::PENSTOCK_FUZZ_TARGET(std::as_bytes(std::span(data, size)));
  return 0;
}
