#!/usr/bin/env bash
# Every check, also after one failed, in two rows beside each other. What a check says goes to a log; its end is shown when
# the check passed, all of it when the check failed. Exit status 1 if any failed.
#   tools/run-tests.sh VENV [VENV_WITH_NUMPY_2 VENV_WITH_DEEPLAKE_4 VENV_WITH_FRAMEWORKS VENV_WITH_MMDETECTION_3 VENV_OF_THE_SITE]
set -uo pipefail
cd "$(dirname "$0")/.."
source tools/ccache.sh

venv=$(realpath "${1:?usage: tools/run-tests.sh VENV [VENV_WITH_NUMPY_2 VENV_WITH_DEEPLAKE_4 VENV_WITH_FRAMEWORKS VENV_WITH_MMDETECTION_3 VENV_OF_THE_SITE]}")
numpy2=${2:+$(realpath "$2")}
lake4=${3:+$(realpath "$3")}
frameworks=${4:+$(realpath "$4")}
mmdet3=${5:+$(realpath "$5")}
docs=${6:+$(realpath "$6")}
export PATH="$venv/bin:$PATH"
# What set-up has installed must be there: without this, tests that miss it are skipped.
export PENSTOCK_REQUIRE=native,core_parts,deeplake,mmdet,wandb,remote
if [ -d ../shared/data/coco-mini/annotations ]; then
  PENSTOCK_REQUIRE+=,coco
fi
if [ -n "$docs" ]; then
  PENSTOCK_REQUIRE+=,docs
  export PENSTOCK_DOCS_VENV=$docs
fi
# Keeps deeplake from reporting its use to its makers.
export BUGGER_OFF=true

logs=build/test-logs
rm -rf "$logs" && mkdir -p "$logs"
# A file's tests stay together: they share datasets that take a while to write. More than four would take much memory.
# The longest are begun first (tests/support/order.py): xdist's own order, by the number of tests, would have them last.
processes=$(($(nproc) < 4 ? $(nproc) : 4))

# check TITLE LINES COMMAND...: runs the command; of what it said when it passed, the last LINES are shown.
check() {
  local title=$1 lines=$2 start=$SECONDS log
  shift 2
  log="$logs/${title//[^A-Za-z0-9]/-}.log"
  printf '==> %s ...\n' "$title"
  if "$@" >"$log" 2>&1 </dev/null; then
    flock "$logs" sh -c 'printf "\n==> %s: passed in %d s\n" "$1" "$2"; tail -n "$3" "$4"' - \
      "$title" $((SECONDS - start)) "$lines" "$log"
  else
    echo "$title" >>"$logs/failed"
    flock "$logs" sh -c 'printf "\n==> %s: FAILED after %d s\n" "$1" "$2"; cat "$3"' - "$title" $((SECONDS - start)) "$log"
  fi
}

format() {
  clang-format --dry-run --Werror $(git ls-files '*.h' '*.cpp')
}

# Hundreds of lines say that a test began or passed; the summary and whatever failed, or began and did not end, stay.
only_news() {
  awk '
    /^ *(Start +[0-9]+: |[0-9]+\/[0-9]+ Test +#[0-9]+: .* Passed )/ || /^\[-+\]/ { next }
    /^\[ RUN  / { printf "%s", held; held = $0 "\n"; next }
    /^\[ +OK \]/ { held = ""; next }
    held != "" && !/^\[ +(FAILED|SKIPPED) / { held = held $0 "\n"; next }
    { printf "%s", held; held = ""; print }
    END { printf "%s", held }'
}

cpp_tests() {
  cmake --preset "$1" && cmake --build "build/$1" && ctest --preset "$1" --parallel "$(nproc)" | only_news
}

# The golden datasets, and of what reads, checks and collates arrays whatever needs neither deeplake 3 nor MMDetection; the
# rest is skipped, without a line for each. How threads and processes end (tests/lifetime) is no matter of numpy's version.
numpy2_tests() {
  PENSTOCK_REQUIRE=native "$numpy2/bin/python" -m pytest -q -r fE \
    tests/golden tests/dataset tests/loader tests/robustness
}

lake4_tests() {
  PENSTOCK_REQUIRE=native,deeplake4,remote "$lake4/bin/python" -m pytest -q -r fE tests/lake4
}

# MMDetection's environment has deeplake 3; put before it on the path, deeplake 4 takes its place.
lake4_mmdet_tests() {
  local overlay=build/deeplake4
  rm -rf "$overlay" && mkdir -p "$overlay" && ln -s "$lake4"/lib/python3*/site-packages/deeplake* "$overlay" || return
  PYTHONPATH=$PWD/$overlay PENSTOCK_REQUIRE=native,mmdet,deeplake4 python -m pytest -q -r fE tests/lake4/test_mmdet.py
}

mmdet3_tests() {
  local required=native,deeplake,mmdet3
  [[ $PENSTOCK_REQUIRE == *,coco* ]] && required+=,coco
  PENSTOCK_REQUIRE=$required "$mmdet3/bin/python" -m pytest -q -r fE --durations=20 tests/mmdet3
}

python_tests() {
  # What a shell starts in the background ignores SIGINT, and so would the programs that tests interrupt.
  env --default-signal=INT python -m pytest -q -r fE --durations=30 --junitxml="$logs/python.xml" --numprocesses="$processes" --dist=loadfile --no-loadscope-reorder
}

# C++, and the Python tests of other environments, which have a process each: together they take about as long as the rest.
one_row() {
  # The same build as the preset debug, with its warnings as errors, and sanitizers: debug itself would find nothing more.
  check "C++ tests, address and undefined behaviour sanitizers" 4 cpp_tests asan
  check "C++ tests, thread sanitizer" 4 cpp_tests tsan
  if [ -n "$numpy2" ]; then
    check "Python tests, numpy 2" 1 numpy2_tests
  fi
  if [ -n "$lake4" ]; then
    check "Python tests, Deep Lake 4" 1 lake4_tests
    check "Python tests, MMDetection over Deep Lake 4" 1 lake4_mmdet_tests
  fi
  if [ -n "$frameworks" ]; then
    check "Python tests, frameworks" 1 tools/framework-tests.sh "$frameworks"
  fi
  if [ -n "$mmdet3" ]; then
    check "Python tests, MMDetection 3" 24 mmdet3_tests
  fi
}

other_row() {
  check "ruff" 1 ruff check .
  check "clang-format" 0 format
  check "mypy" 1 mypy
  check "Python tests" 34 python_tests
}

one_row &
other_row
wait

printf '\n%d s\n' "$SECONDS"
if [ -e "$logs/failed" ]; then
  sed 's/^/FAILED: /' "$logs/failed" >&2
  exit 1
fi
