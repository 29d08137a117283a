#!/usr/bin/env bash
# The tests of tests/frameworks, in the environment that has the frameworks. Those of Ray and Transformers, which take
# longer than all others together, run where "nightly" is said.
#   tools/framework-tests.sh VENV [nightly]
set -euo pipefail
cd "$(dirname "$0")/.."

venv=$(realpath "${1:?usage: tools/framework-tests.sh VENV [nightly]}")
export PENSTOCK_REQUIRE=native,accelerate,ignite,lightning,mmengine,torchdata
options=(--ignore=tests/frameworks/nightly)
if [ "${2:-}" = nightly ]; then
  PENSTOCK_REQUIRE+=,ray,transformers
  options=()
fi
exec "$venv/bin/python" -m pytest -q -r fE "${options[@]}" tests/frameworks
