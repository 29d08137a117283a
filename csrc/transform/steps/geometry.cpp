#include "transform/steps/geometry.h"

#include <algorithm>
#include <optional>
#include <type_traits>
#include <utility>

#include "transform/steps/rules.h"

namespace penstock::transform {
namespace {

bool mixes(const step::Step& step) {
  return std::visit([](const auto& kind) { return step::Mixes<std::decay_t<decltype(kind)>>; }, step);
}

class Run {
 public:
  Run(const Program& program, const Stream& stream, std::span<const Source> sources, std::uint32_t channels,
      const AnnotationTable& table)
      : program_(program), stream_(stream), sources_(sources), channels_(channels), table_(table) {}

  Outcome outcome() {
    Outcome result;
    Sample sample = begin(0);
    for (std::size_t number = 0; number < program_.steps.size(); ++number) {
      const step::Step& step = program_.steps[number];
      if (const auto* views = std::get_if<step::MultiScaleFlipAug>(&step)) {
        result.views = augmented(*views, sample, number);
        return result;
      }
      if (!take(step, sample, stream_, number, 0)) {
        result.rejected = rejected_;
        return result;
      }
    }
    result.views.push_back(std::move(sample));
    return result;
  }

 private:
  Sample begin(std::size_t part) const {
    Sample sample;
    sample.extent = sources_[part].extent;
    sample.pixels = {part, sample.extent, channels_, {}};
    return sample;
  }

  bool take(const step::Step& step, Sample& sample, const Stream& stream, std::size_t number, std::size_t part) {
    Draws draws = stream.step(number);
    return std::visit(
        [&](const auto& kind) {
          using Kind = std::decay_t<decltype(kind)>;
          if constexpr (std::is_same_v<Kind, step::LoadAnnotations>) {
            rules::load_annotations(kind, sample, sources_[part]);
            return true;
          } else if constexpr (step::Mixes<Kind>) {
            const auto others = partners_of(kind, draws);
            if (!others) return false;
            rules::mix(kind, sample, draws, *others);
            return true;
          } else if constexpr (std::is_same_v<Kind, step::MultiScaleFlipAug>) {
            return true;  // is the last step, and taken by outcome()
          } else {
            return rules::apply(kind, sample, draws);
          }
        },
        step);
  }

  /// None where one of them is rejected.
  template <step::Mixes Kind>
  std::optional<std::vector<Sample>> partners_of(const Kind& step, Draws& draws) {
    std::vector<Sample> others;
    for (std::size_t i = 0; i < Kind::kPartners; ++i) rules::partner(step, draws, table_);  // its first draws
    for (std::size_t i = 0; i < Kind::kPartners; ++i) {
      const std::size_t part = next_part_++;
      const Stream stream = part_stream(stream_, part, sources_[part].retry);
      Sample other = begin(part);
      for (std::size_t number = 0; number < program_.partner_steps; ++number) {
        if (!take(program_.steps[number], other, stream, number, part)) {
          rejected_ = part;
          return std::nullopt;
        }
      }
      others.push_back(std::move(other));
    }
    return others;
  }

  std::vector<Sample> augmented(const step::MultiScaleFlipAug& views, const Sample& sample, std::size_t number) {
    std::vector<Sample> result;
    for (std::size_t i = 0; i < std::max(views.img_scale.size(), views.scale_factors.size()); ++i) {
      for (const Direction flip : views.flips) {
        Sample& view = result.emplace_back(sample);
        view.meta.flip = flip;
        if (views.img_scale.empty()) {
          view.meta.wanted_factor = views.scale_factors[i];
        } else {
          view.meta.scale = views.img_scale[i];
        }
        for (std::size_t inner = 0; inner < views.transforms.size(); ++inner) {
          take(views.transforms[inner], view, stream_, number + 1 + inner, 0);
        }
      }
    }
    return result;
  }

  const Program& program_;
  const Stream& stream_;
  std::span<const Source> sources_;
  std::uint32_t channels_;
  const AnnotationTable& table_;
  std::size_t next_part_ = 1;
  std::size_t rejected_ = 0;  ///< the part that the pipeline has rejected
};

}  // namespace

Program make_program(std::vector<step::Step> steps, std::optional<std::size_t> partner_steps) {
  Program program{std::move(steps), 0};
  const auto first = std::find_if(program.steps.begin(), program.steps.end(), mixes);
  const auto before = static_cast<std::size_t>(first - program.steps.begin());
  program.partner_steps = std::min(before, partner_steps.value_or(before));
  return program;
}

std::vector<std::size_t> partners(const Program& program, const Stream& stream, const AnnotationTable& table) {
  std::vector<std::size_t> items;
  for (std::size_t number = program.partner_steps; number < program.steps.size(); ++number) {
    std::visit(
        [&](const auto& step) {
          if constexpr (step::Mixes<std::decay_t<decltype(step)>>) {
            Draws draws = stream.step(number);
            for (std::size_t i = 0; i < step.kPartners; ++i) items.push_back(rules::partner(step, draws, table));
          }
        },
        program.steps[number]);
  }
  return items;
}

std::size_t replacement(const Stream& stream, std::size_t item, const AnnotationTable& table) {
  std::vector<std::size_t> group;
  for (std::size_t other = 0; other < table.items(); ++other) {
    if (table.flags[other] == table.flags[item]) group.push_back(other);
  }
  const std::uint64_t word = std::uint64_t{stream.attempt} << 32 | std::uint64_t{stream.part} << 16;
  Draws draws(base::Philox(stream.seed, stream.epoch, stream.index, word));
  return group[static_cast<std::size_t>(draws.randint(0, static_cast<std::int64_t>(group.size())))];
}

Stream part_stream(const Stream& stream, std::size_t part, std::uint16_t retry) {
  // As penstock/detection/running.py has it: so many parts lie between one retry and the next.
  constexpr std::size_t kStride = 256;
  Stream result = stream;
  result.part = static_cast<std::uint16_t>(part + retry * kStride);
  return result;
}

Outcome plan_sample(const Program& program, const Stream& stream, std::span<const Source> sources,
                    std::uint32_t channels, const AnnotationTable& table) {
  return Run(program, stream, sources, channels, table).outcome();
}

}  // namespace penstock::transform
