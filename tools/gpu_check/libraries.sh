#!/usr/bin/env bash
# Builds the libraries that the extension links, static, from Debian's sources, for tools/gpu-check to carry to a machine
# that has none of them. Where this has been done, does nothing.
#   tools/gpu_check/libraries.sh FOLDER
# FOLDER gets prefix/ (for CMAKE_PREFIX_PATH) and cache/ (for XDG_CACHE_HOME, where CMakeLists.txt looks for libjpeg-turbo).
set -euo pipefail
folder=$(realpath -m "${1:?usage: tools/gpu_check/libraries.sh FOLDER}")
cd "$(dirname "$0")/../.."

key=$(cat "$0" tools/sources.txt tools/libjpeg-turbo.sh | sha256sum | cut -c1-16)
[ "$(cat "$folder/made" 2>/dev/null)" != "$key" ] || exit 0
rm -rf "$folder"
prefix=$folder/prefix
mkdir -p "$prefix" "$folder/cache/penstock"
work=$(mktemp -d "$folder/making.XXXXXX")
trap 'rm -rf "$work"' EXIT

# library NAME FOLDER_WITH_CMAKELISTS OPTION...
# The compiler of the other machine may be another one: an archive of one compiler's intermediate code would be of no use to it.
library() {
  local name=$1 subfolder=$2
  shift 2
  tools/source.sh "$name" "$work/$name"
  cmake -S "$work/$name/$subfolder" -B "$work/$name/made" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF \
    -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=OFF -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_POLICY_VERSION_MINIMUM=3.5 "$@"
  cmake --build "$work/$name/made" --parallel "$(nproc)"
  cmake --install "$work/$name/made"
}

# The build looks for one file of each library: what a library needs itself goes into that file.
# joined LIBRARY NEEDED...
joined() {
  local target=$prefix/lib/lib$1.a
  printf '%s\n' "create $work/joined.a" "${@/*/addlib $prefix/lib/lib&.a}" save end >"$work/script"
  ar -M <"$work/script"
  rm -f "$target"
  mv "$work/joined.a" "$target"
}

# By its other build: Debian leaves out of the source what its CMake asks for.
tools/source.sh zlib "$work/zlib"
(cd "$work/zlib" && CFLAGS="-O2 -fPIC" ./configure --prefix="$prefix" --static && make -j"$(nproc)" libz.a && make install)
library libpng . -DPNG_SHARED=OFF -DPNG_TESTS=OFF -DPNG_TOOLS=OFF -DZLIB_ROOT="$prefix"
library libwebp . -DWEBP_BUILD_ANIM_UTILS=OFF -DWEBP_BUILD_CWEBP=OFF -DWEBP_BUILD_DWEBP=OFF -DWEBP_BUILD_GIF2WEBP=OFF \
  -DWEBP_BUILD_IMG2WEBP=OFF -DWEBP_BUILD_VWEBP=OFF -DWEBP_BUILD_WEBPINFO=OFF -DWEBP_BUILD_WEBPMUX=OFF -DWEBP_BUILD_EXTRAS=OFF
library lz4 build/cmake -DBUILD_STATIC_LIBS=ON -DLZ4_BUILD_CLI=OFF -DLZ4_BUILD_LEGACY_LZ4C=OFF
library highway . -DHWY_ENABLE_TESTS=OFF -DHWY_ENABLE_CONTRIB=OFF -DHWY_ENABLE_EXAMPLES=OFF
library xxhash cmake_unofficial -DXXHASH_BUILD_XXHSUM=OFF
joined png png16 z
joined webp webp sharpyuv
joined webpdemux webpdemux webp

tools/libjpeg-turbo.sh
cp -a "${XDG_CACHE_HOME:-$HOME/.cache}"/penstock/libjpeg-turbo-*-"$(uname -m)" "$folder/cache/penstock/"
# Programs, manuals and what has gone into another file are of no use there.
rm -rf "$prefix"/{bin,share} "$prefix"/lib/lib{z,png16,sharpyuv,webpmux,webpdecoder}.a "$folder"/cache/penstock/*/bin
echo "$key" >"$folder/made"
