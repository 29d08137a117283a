#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <string>

#include "base/trace.h"
#include "bindings/python_gil.h"
#include "bindings/register.h"

namespace py = pybind11;

namespace penstock::bindings {
namespace {

using base::trace::Event;

/// Keys and messages have whatever bytes storage and files have.
py::str text_of(const std::string& bytes) {
  return py::reinterpret_steal<py::str>(
      PyUnicode_DecodeUTF8(bytes.data(), static_cast<py::ssize_t>(bytes.size()), "replace"));
}

/// A row for each event; the columns are TRACE_COLUMNS.
py::array_t<std::int64_t> rows_of(const std::vector<Event>& events) {
  constexpr py::ssize_t kColumns = 12;
  py::array_t<std::int64_t> rows({static_cast<py::ssize_t>(events.size()), kColumns});
  std::int64_t* out = rows.mutable_data();
  for (const Event& event : events) {
    const auto place = [](std::uint32_t number) { return number == Event::kNothing ? -1 : std::int64_t{number}; };
    *out++ = static_cast<std::int64_t>(event.name);
    *out++ = event.loader;
    *out++ = event.start;
    *out++ = event.duration;
    *out++ = place(event.epoch);
    *out++ = place(event.batch);
    *out++ = event.sample;
    *out++ = static_cast<std::int64_t>(event.bytes);
    *out++ = static_cast<std::int64_t>(event.first);
    *out++ = static_cast<std::int64_t>(event.second);
    *out++ = event.key;
    *out++ = event.error;
  }
  return rows;
}

py::tuple trace_stop() {
  base::trace::Trace trace;
  {
    const GilRelease release;
    trace = base::trace::stop();
  }
  py::list threads;
  for (const base::trace::ThreadEvents& thread : trace.threads) {
    threads.append(py::make_tuple(text_of(thread.name), thread.id, rows_of(thread.events)));
  }
  py::list labels;
  for (const std::string& label : trace.labels) labels.append(text_of(label));
  return py::make_tuple(threads, labels, trace.dropped);
}

}  // namespace

void register_trace(py::module_& module) {
  module.def("trace_start", &base::trace::start, py::arg("events_a_thread"), py::call_guard<GilRelease>());
  module.def("trace_stop", &trace_stop);
  py::tuple names(std::size(base::trace::kNames));
  for (std::size_t i = 0; i < std::size(base::trace::kNames); ++i) names[i] = base::trace::kNames[i];
  module.attr("TRACE_NAMES") = names;
  module.attr("TRACE_COLUMNS") = py::make_tuple("name", "loader", "start", "duration", "epoch", "batch", "sample",
                                                "bytes", "first", "second", "key", "error");
}

}  // namespace penstock::bindings
