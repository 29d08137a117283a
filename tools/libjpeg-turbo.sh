#!/usr/bin/env bash
# Builds libjpeg-turbo 3, static, for the extension to contain; where this has been done, does nothing.
#   tools/libjpeg-turbo.sh [--check]       with --check: says by its exit status alone whether it has been done
set -euo pipefail
cd "$(dirname "$0")/.."
# CMakeLists.txt looks there.
prefix=${XDG_CACHE_HOME:-$HOME/.cache}/penstock/libjpeg-turbo-$(uname -m)
if [ "${1:-}" = --check ]; then [ -e "$prefix/made" ]; else tools/libraries.sh "$prefix" libjpeg-turbo; fi
