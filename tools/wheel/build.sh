#!/usr/bin/env bash
# Builds the wheel for the Python of VENV into FOLDER, with every library inside, and checks that it asks the machine for
# nothing but a glibc that is old enough.
#   tools/wheel/build.sh VENV FOLDER       VENV has what requirements/wheel.txt names
set -euo pipefail
cd "$(dirname "$0")/../.."
usage="usage: tools/wheel/build.sh VENV FOLDER"
source tools/wheel/environment.sh "${1:?$usage}"
folder=${2:?$usage}
libraries=${XDG_CACHE_HOME:-$HOME/.cache}/penstock/wheel-libraries-$(uname -m)
tools/libraries.sh "$libraries"
source tools/ccache.sh
# The compiler that ccache sees is a script, and stays the same where zig does not.
CCACHE_COMPILERCHECK="string:zig $("$PENSTOCK_ZIG" version), glibc $PENSTOCK_GLIBC"
export CCACHE_COMPILERCHECK
mkdir -p "$folder"
folder=$(realpath "$folder")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Debian keeps a part of Python's headers beside those of its glibc, which zig is not to see.
apart=$(python -c 'import sys, sysconfig; print((sysconfig.get_config_var("MULTIARCH") or "") + "/python%d.%d" % sys.version_info[:2])')
if [ -d "/usr/include/$apart" ]; then
  mkdir -p "$work/include/${apart%/*}"
  ln -s "/usr/include/$apart" "$work/include/$apart"
  export CXXFLAGS="-isystem $work/include"
fi
python -m pip wheel --no-deps --no-build-isolation --wheel-dir "$work" \
  -Cbuild-dir="$work/build" -Ccmake.define.PENSTOCK_BUILT_IN="$libraries" \
  -Ccmake.define.PENSTOCK_HTTP=ON .
python tools/wheel/check.py "$work"/penstock-*.whl
# The name says which glibc it needs; the libraries are inside already.
python -m auditwheel repair --plat "manylinux_${PENSTOCK_GLIBC/./_}_$(uname -m)" --wheel-dir "$folder" "$work"/penstock-*.whl
