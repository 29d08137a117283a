#!/usr/bin/env bash
# Every check, one after the other, also after one failed; pytest comes last. Exit status 1 if any failed.
#   tools/run-tests.sh VENV [VENV_WITH_NUMPY_2 VENV_WITH_DEEPLAKE_4]
set -uo pipefail
cd "$(dirname "$0")/.."

venv=$(realpath "${1:?usage: tools/run-tests.sh VENV [VENV_WITH_NUMPY_2 VENV_WITH_DEEPLAKE_4]}")
numpy2=${2:+$(realpath "$2")}
lake4=${3:+$(realpath "$3")}
export PATH="$venv/bin:$PATH"
# What set-up has installed must be there: without this, tests that miss it are skipped.
export PENSTOCK_REQUIRE=native,deeplake,mmdet,wandb
if [ -d ../shared/data/coco-mini/annotations ]; then
  PENSTOCK_REQUIRE+=,coco
fi
# Keeps deeplake from reporting its use to its makers.
export BUGGER_OFF=true

failed=()
check() {
  local title=$1
  shift
  printf '\n==> %s\n' "$title"
  "$@" || failed+=("$title")
}

# Hundreds of lines say that a test began or passed; the summary and whatever failed stay.
only_news() {
  grep -vE '^ *(Start +[0-9]+: |[0-9]+/[0-9]+ Test +#[0-9]+: .* Passed )'
}

cpp_tests() {
  cmake --preset "$1" && cmake --build "build/$1" && ctest --preset "$1" --parallel "$(nproc)" | only_news
}

# The golden datasets, and whatever needs neither deeplake 3 nor MMDetection; the rest is skipped, without a line for each.
numpy2_tests() {
  PENSTOCK_REQUIRE=native "$numpy2/bin/python" -m pytest -q -r fE tests/golden tests/dataset tests/loader tests/robustness tests/lifetime
}

# MMDetection's environment has deeplake 3; put before it on the path, deeplake 4 takes its place.
lake4_mmdet_tests() {
  local overlay=build/deeplake4
  rm -rf "$overlay" && mkdir -p "$overlay" && ln -s "$lake4"/lib/python3*/site-packages/deeplake* "$overlay" || return
  PYTHONPATH=$PWD/$overlay PENSTOCK_REQUIRE=native,mmdet,deeplake4 python -m pytest -q -r fE tests/lake4/test_mmdet.py
}

check "ruff" ruff check .
check "mypy" mypy
# The same build as the preset debug, with its warnings as errors, and sanitizers: debug itself would find nothing more.
check "C++ tests, address and undefined behaviour sanitizers" cpp_tests asan
check "C++ tests, thread sanitizer" cpp_tests tsan
if [ -n "$numpy2" ]; then
  check "Python tests, numpy 2" numpy2_tests
fi
if [ -n "$lake4" ]; then
  check "Python tests, Deep Lake 4" env PENSTOCK_REQUIRE=native,deeplake4 "$lake4/bin/python" -m pytest tests/lake4
fi
if [ -n "$lake4" ]; then
  check "Python tests, MMDetection over Deep Lake 4" lake4_mmdet_tests
fi
# A file's tests stay together: they share datasets that take a while to write. More than four would take much memory.
cores=$(nproc)
check "Python tests" python -m pytest --durations=30 --numprocesses=$((cores < 4 ? cores : 4)) --dist=loadfile

if ((${#failed[@]})); then
  printf '\nFAILED: %s\n' "${failed[@]}" >&2
  exit 1
fi
