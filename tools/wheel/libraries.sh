#!/usr/bin/env bash
# Builds the libraries that a wheel contains, static, for an old glibc, into FOLDER or one of the cache, and prints its
# name. Does nothing where that has been done.
#   tools/wheel/libraries.sh VENV [FOLDER]          VENV has what requirements/wheel.txt names
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
source tools/wheel/environment.sh "${1:?usage: tools/wheel/libraries.sh VENV [FOLDER]}"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/penstock
key=$(cat tools/sources.txt tools/source.sh tools/wheel/libraries.sh tools/wheel/environment.sh tools/wheel/compilers/cc |
  cat - <("$PENSTOCK_ZIG" version) | sha256sum | cut -c1-16)
prefix=${2:-$cache/wheel-libraries-$(uname -m)-$key}
echo "$prefix"
[ ! -e "$prefix" ] || exit 0
exec >&2

mkdir -p "$cache" "$(dirname "$prefix")"
work=$(mktemp -d "$cache/making.XXXXXX")
trap 'rm -rf "$work"' EXIT
made=$work/prefix
export CFLAGS="-O2 -g0 -fPIC -fvisibility=hidden" CXXFLAGS="-O2 -g0 -fPIC -fvisibility=hidden"

# take NAME LICENSE...: unpacks its source into $work/NAME, and keeps its license.
take() {
  local name=$1 license
  shift
  tools/source.sh "$name" "$work/$name"
  mkdir -p "$made/licenses/$name"
  for license; do cp "$work/$name/$license" "$made/licenses/$name/"; done
}

# with_cmake NAME OPTION...
with_cmake() {
  local name=$1
  shift
  cmake -G Ninja -S "$work/$name" -B "$work/$name/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF \
    -DCMAKE_C_FLAGS_RELEASE=-DNDEBUG -DCMAKE_CXX_FLAGS_RELEASE=-DNDEBUG \
    -DCMAKE_TOOLCHAIN_FILE="$root/tools/wheel/toolchain.cmake" -DCMAKE_PREFIX_PATH="$made" \
    -DCMAKE_INSTALL_PREFIX="$made" -DCMAKE_INSTALL_LIBDIR=lib "$@"
  cmake --build "$work/$name/build"
  cmake --install "$work/$name/build"
}

take zlib LICENSE
# By its other build: Debian leaves out of the source what its CMake asks for.
(cd "$work/zlib" && ./configure --prefix="$made" --static && make -j"$(nproc)" libz.a && make install)
take libjpeg-turbo LICENSE.md README.ijg
with_cmake libjpeg-turbo -DREQUIRE_SIMD=ON -DENABLE_SHARED=OFF -DENABLE_STATIC=ON -DWITH_TOOLS=OFF -DWITH_TESTS=OFF
take libpng LICENSE
with_cmake libpng -DPNG_SHARED=OFF -DPNG_STATIC=ON -DPNG_TESTS=OFF -DPNG_TOOLS=OFF
take libwebp COPYING
with_cmake libwebp -DWEBP_BUILD_ANIM_UTILS=OFF -DWEBP_BUILD_CWEBP=OFF -DWEBP_BUILD_DWEBP=OFF -DWEBP_BUILD_GIF2WEBP=OFF \
  -DWEBP_BUILD_IMG2WEBP=OFF -DWEBP_BUILD_VWEBP=OFF -DWEBP_BUILD_WEBPINFO=OFF -DWEBP_BUILD_WEBPMUX=OFF \
  -DWEBP_BUILD_EXTRAS=OFF
take lz4 lib/LICENSE
with_cmake lz4 -S "$work/lz4/build/cmake" -DLZ4_BUILD_CLI=OFF -DLZ4_BUILD_LEGACY_LZ4C=OFF
take highway LICENSE LICENSE-BSD3
with_cmake highway -DHWY_ENABLE_TESTS=OFF -DHWY_ENABLE_EXAMPLES=OFF -DHWY_ENABLE_CONTRIB=OFF -DBUILD_TESTING=OFF
take xxhash LICENSE
cp "$work/xxhash/xxhash.h" "$made/include/"
take openssl LICENSE.txt
# Neither modules nor a configuration of its own: nothing is looked for in folders of the machine that built it.
(cd "$work/openssl" && ./Configure "linux-$(uname -m)" --prefix="$made" --libdir=lib --openssldir=/etc/ssl \
  no-shared no-tests no-apps no-docs no-module no-engine no-legacy no-comp \
  no-autoload-config "$CFLAGS" && make -j"$(nproc)" build_libs && make install_dev)
take nghttp2 COPYING
with_cmake nghttp2 -DENABLE_LIB_ONLY=ON -DENABLE_DOC=OFF -DBUILD_STATIC_LIBS=ON -DBUILD_TESTING=OFF
take curl COPYING
with_cmake curl -DBUILD_CURL_EXE=OFF -DBUILD_LIBCURL_DOCS=OFF -DBUILD_MISC_DOCS=OFF -DENABLE_CURL_MANUAL=OFF -DBUILD_TESTING=OFF \
  -DHTTP_ONLY=ON -DCURL_ENABLE_SSL=ON -DCURL_USE_OPENSSL=ON -DOPENSSL_ROOT_DIR="$made" -DUSE_NGHTTP2=ON -DCURL_USE_LIBPSL=OFF \
  -DCURL_USE_LIBSSH2=OFF -DUSE_LIBIDN2=OFF -DCURL_BROTLI=OFF -DCURL_ZSTD=OFF -DCURL_USE_GSSAPI=OFF \
  -DENABLE_THREADED_RESOLVER=ON -DCURL_CA_BUNDLE=none -DCURL_CA_PATH=none

# At once: another build may be looking, or have been faster.
mv -T "$made" "$prefix" 2>/dev/null || [ -e "$prefix" ]
