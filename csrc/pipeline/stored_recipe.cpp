#include "pipeline/stored_recipe.h"

#include <utility>
#include <vector>

#include "pipeline/decode_sample.h"

namespace penstock::pipeline {
namespace {

/// Shapes by tensor, by slot.
struct Shapes final : Planned {
  std::vector<std::vector<base::Shape>> of_tensor;
};

/// Visits the items of one sample, by tensor and slot. Errors name the item.
template <class Visit>
void each_item(const Wanted& wanted, std::size_t position, Visit visit) {
  for (std::size_t tensor = 0; tensor < wanted.sources().size(); ++tensor) {
    const Slots& slots = wanted.slots(tensor);
    const std::size_t begin = slots.begin(position);  // nothing is mixed in: reads are positions
    for (std::size_t slot = begin; slot < slots.end(position); ++slot) {
      wanted.named({position, position, tensor, slot - begin}, [&] { visit(tensor, slot); });
    }
  }
}

void decode_item(const TensorSource& source, const FetchedSample& item, const batch::TensorBatch& out,
                 std::size_t slot) {
  const std::size_t bytes = *base::checked_byte_count(out.shapes[slot], out.element.bytes);
  base::MutableBytes target;
  if (bytes > 0) {
    target = {out.item(slot), bytes};
  } else if (item.stored.empty()) {
    return;  // else it is looked at: a sample without elements must have no bytes
  }
  if (source.arrangement.changes_nothing()) return decode_sample(source, item, target);
  // Pixels as they are decoded are one thread's, for as long as they are written to where they belong.
  static thread_local std::vector<std::byte> pixels;
  const base::Shape decoded = output_shape(source, item);
  pixels.resize(*base::checked_byte_count(decoded, source.format.item_size));
  decode_sample(source, item, pixels);
  decode::arrange_image(source.arrangement, pixels, decoded, source.format.item_size, target);
}

}  // namespace

std::unique_ptr<Planned> StoredRecipe::expand(Wanted& wanted, const Randomness& /*random*/) const {
  auto shapes = std::make_unique<Shapes>();
  for (std::size_t tensor = 0; tensor < sources_.size(); ++tensor) {
    shapes->of_tensor.emplace_back(wanted.slots(tensor).items.size());
  }
  return shapes;
}

Verdict StoredRecipe::plan(const Fetched& fetched, Planned& planned, std::size_t position) const {
  auto& shapes = static_cast<Shapes&>(planned).of_tensor;
  each_item(fetched.wanted(), position, [&](std::size_t tensor, std::size_t slot) {
    const TensorSource& source = sources_[tensor];
    shapes[tensor][slot] = decode::arranged_shape(source.arrangement, output_shape(source, fetched.item(tensor, slot)));
  });
  return Verdict::kTaken;
}

void StoredRecipe::replace(Wanted& /*wanted*/, Planned& /*planned*/, std::size_t /*position*/) const {}

LaidOut StoredRecipe::lay_out(const Fetched& fetched, Planned& planned, std::size_t samples) const {
  auto& shapes = static_cast<Shapes&>(planned).of_tensor;
  LaidOut laid_out{{}, samples};
  for (std::size_t tensor = 0; tensor < sources_.size(); ++tensor) {
    const TensorSource& source = sources_[tensor];
    const std::span<const std::size_t> ends(fetched.wanted().slots(tensor).ends.data(), samples);
    shapes[tensor].resize(ends.back());
    laid_out.batch.tensors.push_back(batch::TensorBatch::of(
        std::move(shapes[tensor]), {nullptr, decode::arranged_item_size(source.arrangement, source.format.item_size)},
        source.sequences ? ends : decltype(ends){}));
  }
  return laid_out;
}

void StoredRecipe::decode(const Fetched& fetched, const Planned& /*planned*/, const LaidOut& laid_out,
                          std::size_t position) const {
  const base::StageTimer timer(stats_.decode_ns);
  each_item(fetched.wanted(), position, [&](std::size_t tensor, std::size_t slot) {
    decode_item(sources_[tensor], fetched.item(tensor, slot), laid_out.batch.tensors[tensor], slot);
  });
  if (base::trace::on()) base::trace::parts = {timer.elapsed(), 0};
}

}  // namespace penstock::pipeline
