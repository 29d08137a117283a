#include "transform/steps/geometry.h"

#include <algorithm>
#include <optional>
#include <type_traits>
#include <utility>

#include "transform/steps/rules.h"

namespace penstock::transform {
namespace {

rules::Candidates candidates_of(const Stream& stream, const Items& items) {
  return {items.table, items.places, items.table.item_of(static_cast<std::int64_t>(stream.index))};
}

bool takes_from_cache(const step::Step& step) {
  return std::visit(
      [](const auto& kind) {
        if constexpr (step::Caches<std::decay_t<decltype(kind)>>) return kind.cached;
        return false;
      },
      step);
}

bool mixes(const step::Step& step) {
  return std::visit([](const auto& kind) { return step::Mixes<std::decay_t<decltype(kind)>>; }, step);
}

class Run {
 public:
  Run(const Program& program, std::span<const Source> sources, std::uint32_t channels, const Items& items)
      : program_(program), sources_(sources), channels_(channels), items_(items) {}

  Outcome outcome() {
    Outcome result;
    Sample sample = begin(0);
    for (std::size_t number = 0; number < program_.steps.size(); ++number) {
      const step::Step& step = program_.steps[number];
      if (const auto* views = std::get_if<step::MultiScaleFlipAug>(&step)) {
        result.views = augmented(*views, sample, number);
        return result;
      }
      if (const auto* lists = std::get_if<step::TestTimeAug>(&step)) {
        result.views = viewed(*lists, sample, number);
        return result;
      }
      if (!take(step, sample, number, 0)) {
        result.rejected = rejected_.value_or(0);
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

  bool take(const step::Step& step, Sample& sample, std::size_t number, std::size_t part) {
    Draws draws = sources_[part].stream.step(number);
    return take(step, sample, draws, number, part);
  }

  bool take(const step::Step& step, Sample& sample, Draws& draws, std::size_t number, std::size_t part) {
    return std::visit(
        [&](const auto& kind) {
          using Kind = std::decay_t<decltype(kind)>;
          if constexpr (std::is_same_v<Kind, step::LoadAnnotations>) {
            rules::load_annotations(kind, sample, sources_[part]);
            return true;
          } else if constexpr (step::Mixes<Kind>) {
            const rules::Candidates candidates = candidates_of(sources_[part].stream, items_);
            for (std::size_t i = 0; i < Kind::kPartners; ++i) rules::partner(kind, draws, candidates);  // first draws
            const auto others = partners_of(number, part);
            if (!others) return false;
            rules::mix(kind, sample, draws, *others);
            return true;
          } else if constexpr (std::is_same_v<Kind, step::RandomChoice>) {
            const auto count = static_cast<std::int64_t>(kind.choices.size());
            const std::size_t chosen =
                kind.ratios.empty() ? static_cast<std::size_t>(draws.randint(0, count)) : draws.weighted(kind.ratios);
            return std::all_of(kind.choices[chosen].begin(), kind.choices[chosen].end(),
                               [&](const step::Step& inner) { return take(inner, sample, draws, number, part); });
          } else if constexpr (std::is_same_v<Kind, step::MultiScaleFlipAug> ||
                               std::is_same_v<Kind, step::TestTimeAug>) {
            return true;  // is the last step, and taken by outcome()
          } else {
            return rules::apply(kind, sample, draws);
          }
        },
        step);
  }

  /// What a step mixes into a part; none where one of them is rejected.
  std::optional<std::vector<Sample>> partners_of(std::size_t step, std::size_t part) {
    std::vector<Sample> others;
    for (std::size_t other = part + 1; other < program_.parts.size(); ++other) {
      if (program_.parts[other].parent != part || program_.parts[other].step != step) continue;
      Sample& sample = others.emplace_back(begin(other));
      for (std::size_t number = 0; number < program_.partner_steps[step]; ++number) {
        if (take(program_.steps[number], sample, number, other)) continue;
        // Unless it was one that is mixed into this one.
        if (!rejected_) rejected_ = other;
        return std::nullopt;
      }
    }
    return others;
  }

  std::vector<Sample> viewed(const step::TestTimeAug& lists, const Sample& sample, std::size_t number) {
    std::vector<Sample> result;
    Draws draws = sources_[0].stream.step(number);
    for (const std::vector<step::Step>& steps : lists.views) {
      Sample& view = result.emplace_back(sample);
      for (const step::Step& inner : steps) take(inner, view, draws, number, 0);
    }
    return result;
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
          take(views.transforms[inner], view, number + 1 + inner, 0);
        }
      }
    }
    return result;
  }

  const Program& program_;
  std::span<const Source> sources_;
  std::uint32_t channels_;
  const Items items_;
  std::optional<std::size_t> rejected_;  ///< the part that the pipeline has rejected
};

std::size_t partners_of(const step::Step& step) {
  return std::visit(
      [](const auto& kind) -> std::size_t {
        if constexpr (step::Mixes<std::decay_t<decltype(kind)>>) return kind.kPartners;
        return 0;
      },
      step);
}

/// The parts that the first `count` steps mix into one.
void add_parts(Program& program, std::size_t parent, std::size_t count) {
  for (std::size_t number = 0; number < count; ++number) {
    for (std::size_t ordinal = 0; ordinal < partners_of(program.steps[number]); ++ordinal) {
      program.parts.push_back({parent, number, ordinal});
      add_parts(program, program.parts.size() - 1, program.partner_steps[number]);
    }
  }
}

}  // namespace

Program make_program(std::vector<step::Step> steps, const std::optional<std::vector<std::size_t>>& partner_steps) {
  Program program{std::move(steps), {}, {{}}};
  const auto first = std::find_if(program.steps.begin(), program.steps.end(), mixes);
  const auto before = static_cast<std::size_t>(first - program.steps.begin());
  for (std::size_t number = 0; number < program.steps.size(); ++number) {
    const std::size_t wanted = partner_steps && number < partner_steps->size() ? (*partner_steps)[number] : before;
    program.partner_steps.push_back(std::min(number, wanted));
  }
  add_parts(program, 0, program.steps.size());
  return program;
}

bool has_cache(const Program& program) {
  return std::any_of(program.steps.begin(), program.steps.end(), takes_from_cache);
}

std::size_t reach(const Program& program) {
  // Any of the last ones; else 95 of a hundred are no older than three times the size.
  constexpr std::size_t kMostly = 3;
  std::size_t sum = 0;  // what comes from one cache may be made of what comes from another
  for (const step::Step& step : program.steps) {
    std::visit(
        [&](const auto& kind) {
          if constexpr (step::Caches<std::decay_t<decltype(kind)>>) {
            const auto size = static_cast<std::size_t>(kind.max_cached_images);
            if (kind.cached) sum += kind.random_pop ? kMostly * size : size;
          }
        },
        step);
  }
  return sum;
}

Chosen partner(const Program& program, std::size_t part, const Stream& parent, const Items& items) {
  const Program::Part& own = program.parts[part];
  const step::Step& step = program.steps[own.step];
  const rules::Candidates candidates = candidates_of(parent, items);
  Draws draws = parent.step(own.step);
  Chosen result;
  std::visit(
      [&](const auto& kind) {
        if constexpr (step::Mixes<std::decay_t<decltype(kind)>>) {
          for (std::size_t i = 0; i <= own.ordinal; ++i) result.item = rules::partner(kind, draws, candidates);
        }
      },
      step);
  result.stream = parent;
  if (takes_from_cache(step)) {
    result.stream.index = static_cast<std::uint64_t>(items.table.indices[result.item]);
    result.stream.attempt = 0;
    result.stream.part = 0;
  } else {
    result.stream.part = static_cast<std::uint16_t>(parent.part + part - own.parent);
  }
  return result;
}

Stream retried(const Program& program, std::size_t part, const Stream& rejected) {
  // As penstock/detection/running.py has it: so many parts lie between one retry and the next.
  constexpr std::uint16_t kStride = 256;
  Stream result = rejected;
  if (part == 0 || takes_from_cache(program.steps[program.parts[part].step])) {
    ++result.attempt;
  } else {
    result.part = static_cast<std::uint16_t>(result.part + kStride);
  }
  return result;
}

bool is_within(const Program& program, std::size_t part, std::size_t other) {
  while (part > other) part = program.parts[part].parent;
  return part == other;
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

Outcome plan_sample(const Program& program, std::span<const Source> sources, std::uint32_t channels,
                    const Items& items) {
  return Run(program, sources, channels, items).outcome();
}

}  // namespace penstock::transform
