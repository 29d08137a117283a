#!/usr/bin/env bash
# Builds libjpeg-turbo 3, static, for the extension to contain; where this has been done, does nothing.
#   tools/libjpeg-turbo.sh [--check]       with --check: says by its exit status alone whether it has been done
# The source is the one that tools/sources.txt names. It stays in the cache, as what is made of it.
set -euo pipefail

cd "$(dirname "$0")/.."

version=$(sed -n 's/^libjpeg-turbo .*libjpeg-turbo_\(.*\)\.orig\.tar\.gz .*/\1/p' tools/sources.txt)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/penstock
# CMakeLists.txt looks for this name.
prefix=$cache/libjpeg-turbo-$version-$(uname -m)

[ ! -e "$prefix/lib/libturbojpeg.a" ] || exit 0
[ "${1:-}" != --check ] || exit 1

mkdir -p "$cache"
work=$(mktemp -d "$cache/making.XXXXXX")
trap 'rm -rf "$work"' EXIT

tools/source.sh libjpeg-turbo "$work/source"
# Without its assembler it would be three times slower, and say so in a warning alone.
cmake -S "$work/source" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DREQUIRE_SIMD=ON \
  -DENABLE_SHARED=OFF -DENABLE_STATIC=ON -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DWITH_TOOLS=OFF -DWITH_TESTS=OFF \
  -DCMAKE_INSTALL_PREFIX="$work/install" -DCMAKE_INSTALL_LIBDIR=lib
cmake --build "$work/build" --parallel "$(nproc)"
cmake --install "$work/build"
# At once: another build may be looking, or have been faster.
mv -T "$work/install" "$prefix" 2>/dev/null || [ -e "$prefix/lib/libturbojpeg.a" ]
