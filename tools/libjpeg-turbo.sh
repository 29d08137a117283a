#!/usr/bin/env bash
# Builds libjpeg-turbo 3, static, for the extension to contain; where this has been done, does nothing.
#   tools/libjpeg-turbo.sh [--check]       with --check: says by its exit status alone whether it has been done
# The source is Debian's, taken from the mirror that apt uses and checked by its checksum. Both stay in the cache.
set -euo pipefail

version=3.1.3
checksum=3a13a5ba767dc8264bc40b185e41368a80d5d5f945944d1dbaa4b2fb0099f4e5

cache=${XDG_CACHE_HOME:-$HOME/.cache}/penstock
tarball=$cache/libjpeg-turbo_$version.orig.tar.gz
# CMakeLists.txt looks for this name.
prefix=$cache/libjpeg-turbo-$version-$(uname -m)

[ ! -e "$prefix/lib/libturbojpeg.a" ] || exit 0
[ "${1:-}" != --check ] || exit 1

mkdir -p "$cache"
work=$(mktemp -d "$cache/making.XXXXXX")
trap 'rm -rf "$work"' EXIT

is_it() { sha256sum --check --status <<<"$checksum  $1" 2>/dev/null; }

fetch() {
  # Lists of its own, so that the system's sources stay as they are.
  local mirror keys
  mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep -m 1 'debian/$') ||
    { echo "apt knows no mirror of Debian" >&2; return 1; }
  keys=/usr/share/keyrings/debian-archive-keyring.gpg
  mkdir -p "$work/lists/partial"
  echo "deb-src [signed-by=$keys] $mirror sid main" >"$work/sources.list"
  local apt=(apt-get -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$work/lists" -o "Dir::Cache::pkgcache=" -o "Dir::Cache::srcpkgcache="
    -o Debug::NoLocking=1)
  "${apt[@]}" update && (cd "$work" && "${apt[@]}" source --download-only libjpeg-turbo)
  local fetched=$work/libjpeg-turbo_$version.orig.tar.gz
  is_it "$fetched" || { echo "no source of libjpeg-turbo $version with the checksum $checksum" >&2; return 1; }
  mv "$fetched" "$tarball"
}

is_it "$tarball" || fetch
tar -xzf "$tarball" -C "$work"
# Without its assembler it would be three times slower, and say so in a warning alone.
cmake -S "$work/libjpeg-turbo-$version" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DREQUIRE_SIMD=ON \
  -DENABLE_SHARED=OFF -DENABLE_STATIC=ON -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DWITH_TOOLS=OFF -DWITH_TESTS=OFF \
  -DCMAKE_INSTALL_PREFIX="$work/install" -DCMAKE_INSTALL_LIBDIR=lib
cmake --build "$work/build" --parallel "$(nproc)"
cmake --install "$work/build"
# At once: another build may be looking, or have been faster.
mv -T "$work/install" "$prefix" 2>/dev/null || [ -e "$prefix/lib/libturbojpeg.a" ]
