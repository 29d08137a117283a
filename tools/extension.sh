#!/usr/bin/env bash
# Builds the extension and an editable wheel around it, and the extension of the tests, with the build tools of VENV. The environments share one version
# of Python, and the extension links neither numpy nor torch: one wheel serves them all.
#   tools/extension.sh VENV FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/ccache.sh

venv=$(realpath "${1:?usage: tools/extension.sh VENV FOLDER}")
folder=${2:?usage: tools/extension.sh VENV FOLDER}
export PATH="$venv/bin:$PATH"
rm -rf "$folder"
mkdir -p "$folder"
python - "$folder" <<'PYTHON'
import sys
from scikit_build_core.build import build_editable

# What tests call of the core goes to build/testing, and into no wheel.
print(build_editable(sys.argv[1], {"cmake.define.PENSTOCK_BUILD_TEST_EXTENSION": "ON"}))
PYTHON
