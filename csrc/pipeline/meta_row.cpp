#include "pipeline/meta_row.h"

#include <limits>

namespace penstock::pipeline {
namespace {

constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();

/// One list of columns serves for their names and for their values.
template <class Column>
void visit_columns(const transform::Sample& sample, std::int64_t index, std::uint32_t attempt, Column column) {
  const transform::Meta& meta = sample.meta;
  const auto extent = [&](const char* height, const char* width, const std::optional<transform::Extent>& value) {
    column(height, value ? value->height : kAbsent);
    column(width, value ? value->width : kAbsent);
  };
  const auto pair = [&](const char* first, const char* second, const std::optional<transform::step::Size>& value) {
    column(first, value ? (*value)[0] : kAbsent);
    column(second, value ? (*value)[1] : kAbsent);
  };
  column("index", static_cast<double>(index));
  column("attempt", attempt);
  extent("height", "width", sample.extent);
  extent("ori_height", "ori_width", meta.ori_shape);
  extent("img_height", "img_width", meta.img_shape);
  extent("pad_height", "pad_width", meta.pad_shape);
  column("x_scale", meta.scale_factor ? (*meta.scale_factor)[0] : kAbsent);
  column("y_scale", meta.scale_factor ? (*meta.scale_factor)[1] : kAbsent);
  pair("scale_width", "scale_height", meta.scale);
  column("scale_idx", meta.scale_idx ? *meta.scale_idx : kAbsent);
  column("keep_ratio", meta.keep_ratio ? static_cast<double>(*meta.keep_ratio) : kAbsent);
  column("flip", meta.flip ? static_cast<double>(*meta.flip) : kAbsent);
  pair("pad_fixed_height", "pad_fixed_width", meta.pad_fixed_size);
}

}  // namespace

const std::vector<std::string>& meta_columns() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result;
    visit_columns({}, 0, 0, [&](const char* name, double) { result.emplace_back(name); });
    return result;
  }();
  return names;
}

void append_meta_row(std::vector<double>& rows, const transform::Sample& sample, std::int64_t index,
                     std::uint32_t attempt) {
  visit_columns(sample, index, attempt, [&](const char*, double value) { rows.push_back(value); });
}

}  // namespace penstock::pipeline
