#pragma once

#include <cstdint>
#include <exception>
#include <span>
#include <utility>
#include <vector>

#include "pipeline/fetched_sample.h"

namespace penstock::pipeline {

/// Samples of one tensor that come from elsewhere than chunks, many at a time. Called on I/O threads, on several at
/// once.
class SampleReader {
 public:
  /// A sample, or why it could not be read.
  struct Result {
    FetchedSample sample;
    std::exception_ptr error;

    FetchedSample take() {
      if (error != nullptr) std::rethrow_exception(error);
      return std::move(sample);
    }
  };

  SampleReader() = default;
  virtual ~SampleReader() = default;
  SampleReader(const SampleReader&) = delete;
  SampleReader& operator=(const SampleReader&) = delete;

  /// One result for each of `samples`, in their order. What it throws concerns them all.
  virtual std::vector<Result> read(std::span<const std::int64_t> samples) = 0;
};

}  // namespace penstock::pipeline
