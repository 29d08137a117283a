#!/usr/bin/env bash
# The tests that need neither a framework nor, while they run, deeplake, by a free-threaded Python that has numpy, torch, Pillow, pytest,
# pytest-timeout, hypothesis and this package. The GIL stays off whatever modules say; that ours leave it off is tested in
# tests/threads. WRITER, a Python that has deeplake 3, writes datasets for them; those that need one are skipped without it.
#   tools/free-threaded-tests.sh PYTHON [WRITER]
set -euo pipefail
cd "$(dirname "$0")/.."

python=${1:?usage: tools/free-threaded-tests.sh PYTHON [WRITER]}
"$python" -c 'import sysconfig; assert sysconfig.get_config_var("Py_GIL_DISABLED"), "this Python is not free-threaded"'
if [ -n "${2:-}" ]; then
  PENSTOCK_LAKES=$(mktemp -d)
  trap 'rm -rf "$PENSTOCK_LAKES"' EXIT
  export PENSTOCK_LAKES
  BUGGER_OFF=true PYTHONPATH=tests "$2" -m support.write_lakes "$PENSTOCK_LAKES"
fi
export PENSTOCK_REQUIRE=native PYTHON_GIL=0
"$python" -m pytest -q -r fE tests/threads tests/golden tests/dataset tests/loader tests/robustness
