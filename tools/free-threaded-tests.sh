#!/usr/bin/env bash
# The tests that need neither deeplake nor a framework, by a free-threaded Python that has numpy, torch, pytest, hypothesis and this
# package. The GIL stays off whatever modules say; a module that would turn it on is an error in tests/threads.
#   tools/free-threaded-tests.sh PYTHON
set -euo pipefail
cd "$(dirname "$0")/.."

python=${1:?usage: tools/free-threaded-tests.sh PYTHON}
"$python" -c 'import sysconfig; assert sysconfig.get_config_var("Py_GIL_DISABLED"), "this Python is not free-threaded"'
export PENSTOCK_REQUIRE=native PYTHON_GIL=0
exec "$python" -m pytest -q -r fE tests/threads tests/golden tests/dataset tests/loader tests/robustness
