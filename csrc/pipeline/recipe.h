#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "batch/batch.h"
#include "pipeline/fetched.h"
#include "pipeline/wanted.h"
#include "transform/steps/epoch_places.h"

namespace penstock::pipeline {

/// The seed and the epoch that all random numbers follow from.
struct Randomness {
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;
  /// For a recipe that asks what has come before a sample.
  std::shared_ptr<const transform::EpochPlaces> places = nullptr;
};

/// What a recipe has decided of a batch. Each recipe has its own; others only hold it.
class Planned {
 public:
  Planned() = default;
  virtual ~Planned() = default;
  Planned(const Planned&) = delete;
  Planned& operator=(const Planned&) = delete;
};

/// A batch whose shapes are known: where each item lies in its tensor's memory.
struct LaidOut {
  batch::Batch batch;
  std::size_t samples = 0;  ///< those that there is room for: less than all where one of the batch failed
};

enum class Verdict : std::uint8_t { kTaken, kRejected };

/// How a batch is made of stored samples. Its shapes are decided before anything is decoded: expand, then fetch, plan
/// and replace until no sample is rejected, then lay_out and furnish once, then decode. Stateless, thread-safe; what it
/// does not say otherwise may throw, with errors that name the read concerned (Wanted::named).
class Recipe {
 public:
  Recipe() = default;
  virtual ~Recipe() = default;
  Recipe(const Recipe&) = delete;
  Recipe& operator=(const Recipe&) = delete;

  /// Number of tensors that a batch has.
  virtual std::size_t outputs() const = 0;
  /// Whether plan() takes long enough to be spread over threads.
  virtual bool plans_slowly() const = 0;

  /// Wants what a batch needs beside its own samples.
  virtual std::unique_ptr<Planned> expand(Wanted& wanted, const Randomness& random) const = 0;

  /// Decides all of one sample but its pixels. Called for a position at a time, on several threads.
  virtual Verdict plan(const Fetched& fetched, Planned& planned, std::size_t position) const = 0;

  /// Wants another sample in the place of a rejected one. Of one thread at a time.
  virtual void replace(Wanted& wanted, Planned& planned, std::size_t position) const = 0;

  /// The shapes of the first `samples` samples, of which there is one at least. Takes no memory for them.
  virtual LaidOut lay_out(const Fetched& fetched, Planned& planned, std::size_t samples) const = 0;

  /// Writes what is not decode()'s. All tensors have their slabs now.
  virtual void furnish(const Planned& /*planned*/, const LaidOut& /*laid_out*/) const {}

  /// Writes one sample to its place. Called for a position at a time, on several threads.
  virtual void decode(const Fetched& fetched, const Planned& planned, const LaidOut& laid_out,
                      std::size_t position) const = 0;
};

}  // namespace penstock::pipeline
