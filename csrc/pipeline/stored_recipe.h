#pragma once

#include <vector>

#include "base/stats.h"
#include "pipeline/recipe.h"
#include "pipeline/tensor_source.h"

namespace penstock::pipeline {

/// Samples as they are stored, decoded. A tensor of the batch for each source, in their order; those of a tensor of
/// sequences have the items of the samples.
class StoredRecipe final : public Recipe {
 public:
  /// Both outlive it.
  StoredRecipe(const std::vector<TensorSource>& sources, base::Stats& stats) : sources_(sources), stats_(stats) {}

  std::size_t outputs() const override { return sources_.size(); }
  bool plans_slowly() const override { return false; }
  std::unique_ptr<Planned> expand(Wanted& wanted, const Randomness& random) const override;
  Verdict plan(const Fetched& fetched, Planned& planned, std::size_t position) const override;
  /// Nothing is ever rejected.
  void replace(Wanted& wanted, Planned& planned, std::size_t position) const override;
  LaidOut lay_out(const Fetched& fetched, Planned& planned, std::size_t samples) const override;
  void decode(const Fetched& fetched, const Planned& planned, const LaidOut& laid_out,
              std::size_t position) const override;

 private:
  const std::vector<TensorSource>& sources_;
  base::Stats& stats_;
};

}  // namespace penstock::pipeline
