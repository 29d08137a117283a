#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "targets.h"

namespace penstock::fuzz {
namespace {

namespace fs = std::filesystem;

struct Target {
  const char* name;
  void (*run)(base::Bytes);
};

constexpr Target kTargets[] = {{"chunk_header", chunk_header},
                               {"chunk", chunk},
                               {"lz4", lz4},
                               {"jpeg", jpeg},
                               {"png", png},
                               {"webp", webp},
                               {"raw", raw}};

std::vector<std::byte> content_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

/// Inputs of a target: its corpus, what fuzzing has made of it to reach more of the code, and what it has found.
std::vector<fs::path> inputs_of(const Target& target) {
  std::vector<fs::path> files;
  for (const char* folder : {"corpus", "reached", "found"}) {
    const fs::path directory = fs::path(PENSTOCK_FUZZ_DIRECTORY) / folder / target.name;
    if (!fs::is_directory(directory)) continue;
    for (const fs::directory_entry& entry : fs::directory_iterator(directory)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

class Replay : public testing::TestWithParam<Target> {};

TEST_P(Replay, EveryInputIsParsedOrRefused) {
  const std::vector<fs::path> files = inputs_of(GetParam());
  ASSERT_FALSE(files.empty());
  for (const fs::path& file : files) {
    SCOPED_TRACE(file);
    // A copy of exactly its size: a sanitizer sees a read past its end.
    GetParam().run(content_of(file));
  }
}

TEST_P(Replay, SoIsEveryTruncationOfTheSmallOnes) {
  for (const fs::path& file : inputs_of(GetParam())) {
    const std::vector<std::byte> whole = content_of(file);
    if (whole.size() > 150) continue;
    SCOPED_TRACE(file);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      GetParam().run(std::vector<std::byte>(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    }
  }
}

std::string name_of(const testing::TestParamInfo<Target>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Fuzz, Replay, testing::ValuesIn(kTargets), name_of);

}  // namespace
}  // namespace penstock::fuzz
