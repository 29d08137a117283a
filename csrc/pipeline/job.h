#pragma once

#include <atomic>
#include <compare>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <vector>

#include "base/error.h"
#include "batch/batch.h"
#include "pipeline/fetch.h"
#include "pipeline/slots.h"
#include "transform/steps/sample.h"

namespace penstock::pipeline {

/// What of a batch an error concerns: one tensor of a read that was taken up for a position, which may be a sample that
/// is mixed in or that stands in for a rejected one; of a sequence, one item of it.
struct Place {
  std::size_t position = 0;
  std::size_t read = 0;
  std::size_t tensor = 0;
  std::size_t item = 0;
  auto operator<=>(const Place&) const = default;
};

/// A stored sample that a batch needs, and for which of its positions.
struct Read {
  std::int64_t sample = 0;
  std::size_t position = 0;
};

/// A sample of a batch on its way through a pipeline's geometry.
struct PlannedSample {
  std::uint32_t attempt = 0;                ///< how many samples were rejected in its place
  std::vector<std::size_t> reads;           ///< its own, then those that are mixed in
  std::vector<std::uint16_t> retries = {};  ///< for each of these, how many were rejected in its place
  std::size_t rejected = 0;                 ///< which of these the pipeline has rejected, where there are no views
  std::vector<transform::Sample> views;
};

/// Items of a batch that lie in one chunk; those in tiles are with their first. Of a tensor with a reader, all.
struct Group {
  std::size_t tensor = 0;
  bool whole = false;
  std::vector<std::size_t> slots;
};

/// A batch under way.
struct Job {
  std::size_t number = 0;
  batch::Batch batch;
  std::vector<Read> reads;                          ///< first one for each position
  std::size_t begun = 0;                            ///< how many of them have been fetched, or are
  std::vector<Slots> slots;                         ///< by tensor
  std::vector<Group> groups;                        ///< what is fetched now, a task each
  std::vector<std::vector<FetchedSample>> fetched;  ///< by tensor, by slot
  std::vector<PlannedSample> planned;               ///< by position; empty where samples come out as they are stored
  std::vector<std::size_t> unplanned;               ///< positions that the next round of geometry is for
  std::atomic<std::size_t> pending{0};              ///< tasks left of the current stage

  /// Keeps the error of the first place, so that which one is reported does not depend on timing.
  void fail(Place place, std::exception_ptr cause) noexcept;
  /// How many samples come before the first that failed; all of them where none did.
  std::size_t sound_samples();
  std::size_t slot_of(Place place) const { return slots[place.tensor].begin(place.read) + place.item; }
  Place place_of(std::size_t tensor, std::size_t slot) const;
  /// Says in an error of `source`, the place's tensor, which sample and chunk it concerns, where it does not say so
  /// yet. Errors of kind kTransform, for which no stored bytes are to blame, name the sample that the batch asks for.
  void name(base::Error& error, Place place, const TensorSource& source) const noexcept;
  /// Runs a step; its errors learn their place.
  template <class Step>
  void named(Place place, const TensorSource& source, Step step) const {
    try {
      step();
    } catch (base::Error& error) {
      name(error, place, source);
      throw;
    }
  }
  /// Hands over the error that was kept; null where none was. It lives on with the consumer alone: the last thread that
  /// worked on the batch may be about to let go of the job.
  std::exception_ptr take_error();

 private:
  std::mutex error_mutex_;
  Place error_place_;
  std::exception_ptr error_;
};
using JobPointer = std::shared_ptr<Job>;

}  // namespace penstock::pipeline
