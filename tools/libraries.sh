#!/usr/bin/env bash
# Builds the libraries that the extension links, static, with the compilers that CC and CXX name, into FOLDER: all of
# tools/sources.txt, or those that are named. FOLDER/licenses has their licenses. Does nothing where that has been done.
#   tools/libraries.sh FOLDER [NAME...]       CMakeLists.txt takes FOLDER as PENSTOCK_BUILT_IN
set -euo pipefail
usage="usage: tools/libraries.sh FOLDER [NAME...]"
folder=$(realpath -m "${1:?$usage}")
shift
cd "$(dirname "$0")/.."

# What others need comes before them.
all=(zlib libjpeg-turbo libpng libwebp lz4 highway xxhash openssl nghttp2 curl)
wanted=("$@")
(($#)) || wanted=("${all[@]}")
key=$({ cat tools/sources.txt tools/libraries.sh; echo "${wanted[@]}" "${PENSTOCK_GLIBC:-}"; "${CC:-cc}" --version | sed -n 1p; } |
  sha256sum | cut -c1-16)
[ "$(cat "$folder/made" 2>/dev/null)" != "$key" ] || exit 0

mkdir -p "$(dirname "$folder")"
# Beside the folder, to be put in its place at once: another build may be looking.
work=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$work"' EXIT
made=$work/made
export CFLAGS="-O2 -g0 -fPIC -fvisibility=hidden" CXXFLAGS="-O2 -g0 -fPIC -fvisibility=hidden"

# take NAME LICENSE...: unpacks its source into $work/NAME, and keeps its license.
take() {
  local name=$1 license
  shift
  tools/source.sh "$name" "$work/$name"
  mkdir -p "$made/licenses/$name"
  for license; do cp "$work/$name/$license" "$made/licenses/$name/"; done
}

# with_cmake NAME OPTION...: of other libraries it sees those that were built here before, and none of the machine's.
with_cmake() {
  local name=$1
  shift
  cmake -S "$work/$name" -B "$work/$name/made" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF \
    -DCMAKE_C_FLAGS_RELEASE=-DNDEBUG -DCMAKE_CXX_FLAGS_RELEASE=-DNDEBUG -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
    ${AR:+-DCMAKE_AR="$AR" -DCMAKE_C_COMPILER_AR="$AR" -DCMAKE_CXX_COMPILER_AR="$AR"} \
    ${RANLIB:+-DCMAKE_RANLIB="$RANLIB" -DCMAKE_C_COMPILER_RANLIB="$RANLIB" -DCMAKE_CXX_COMPILER_RANLIB="$RANLIB"} \
    -DCMAKE_PREFIX_PATH="$made" -DCMAKE_FIND_ROOT_PATH="$made" -DCMAKE_FIND_ROOT_PATH_MODE_LIBRARY=ONLY \
    -DCMAKE_FIND_ROOT_PATH_MODE_INCLUDE=ONLY -DCMAKE_FIND_ROOT_PATH_MODE_PACKAGE=ONLY \
    -DCMAKE_FIND_ROOT_PATH_MODE_PROGRAM=NEVER -DPKG_CONFIG_EXECUTABLE= \
    -DCMAKE_INSTALL_PREFIX="$made" -DCMAKE_INSTALL_LIBDIR=lib "$@"
  cmake --build "$work/$name/made" --parallel "$(nproc)"
  cmake --install "$work/$name/made"
}

build_zlib() {
  take zlib LICENSE
  # By its other build: Debian leaves out of the source what its CMake asks for.
  (cd "$work/zlib" && ./configure --prefix="$made" --static && make -j"$(nproc)" libz.a && make install)
}

build_libjpeg_turbo() {
  take libjpeg-turbo LICENSE.md README.ijg
  # Without its assembler it would be three times slower, and say so in a warning alone.
  with_cmake libjpeg-turbo -DREQUIRE_SIMD=ON -DENABLE_SHARED=OFF -DENABLE_STATIC=ON -DWITH_TOOLS=OFF -DWITH_TESTS=OFF
}

build_libpng() {
  take libpng LICENSE
  with_cmake libpng -DPNG_SHARED=OFF -DPNG_STATIC=ON -DPNG_TESTS=OFF -DPNG_TOOLS=OFF
}

build_libwebp() {
  take libwebp COPYING
  with_cmake libwebp -DWEBP_BUILD_ANIM_UTILS=OFF -DWEBP_BUILD_CWEBP=OFF -DWEBP_BUILD_DWEBP=OFF \
    -DWEBP_BUILD_GIF2WEBP=OFF -DWEBP_BUILD_IMG2WEBP=OFF -DWEBP_BUILD_VWEBP=OFF -DWEBP_BUILD_WEBPINFO=OFF \
    -DWEBP_BUILD_WEBPMUX=OFF -DWEBP_BUILD_EXTRAS=OFF
}

build_lz4() {
  take lz4 lib/LICENSE
  with_cmake lz4 -S "$work/lz4/build/cmake" -DLZ4_BUILD_CLI=OFF -DLZ4_BUILD_LEGACY_LZ4C=OFF
}

build_highway() {
  take highway LICENSE LICENSE-BSD3
  with_cmake highway -DHWY_ENABLE_TESTS=OFF -DHWY_ENABLE_EXAMPLES=OFF -DHWY_ENABLE_CONTRIB=OFF -DBUILD_TESTING=OFF
}

build_xxhash() {
  take xxhash LICENSE
  mkdir -p "$made/include"
  cp "$work/xxhash/xxhash.h" "$made/include/"
}

build_openssl() {
  take openssl LICENSE.txt
  # Neither modules nor a configuration of its own: nothing is looked for in folders of the machine that built it.
  (cd "$work/openssl" && ./Configure "linux-$(uname -m)" --prefix="$made" --libdir=lib --openssldir=/etc/ssl \
    no-shared no-tests no-apps no-docs no-module no-engine no-legacy no-comp no-autoload-config "$CFLAGS" &&
    make -j"$(nproc)" build_libs && make install_dev)
}

build_nghttp2() {
  take nghttp2 COPYING
  with_cmake nghttp2 -DENABLE_LIB_ONLY=ON -DENABLE_DOC=OFF -DBUILD_STATIC_LIBS=ON -DBUILD_TESTING=OFF
}

build_curl() {
  take curl COPYING
  with_cmake curl -DBUILD_CURL_EXE=OFF -DBUILD_LIBCURL_DOCS=OFF -DBUILD_MISC_DOCS=OFF -DENABLE_CURL_MANUAL=OFF \
    -DBUILD_TESTING=OFF -DHTTP_ONLY=ON -DCURL_ENABLE_SSL=ON -DCURL_USE_OPENSSL=ON -DOPENSSL_ROOT_DIR="$made" \
    -DUSE_NGHTTP2=ON -DCURL_USE_LIBPSL=OFF -DCURL_USE_LIBSSH2=OFF -DUSE_LIBIDN2=OFF -DCURL_BROTLI=OFF -DCURL_ZSTD=OFF \
    -DCURL_USE_GSSAPI=OFF -DENABLE_THREADED_RESOLVER=ON -DCURL_CA_BUNDLE=none -DCURL_CA_PATH=none
}

for name in "${wanted[@]}"; do "build_${name//-/_}"; done
# Programs and manuals are of no use here.
rm -rf "$made"/{bin,share}
# Files for CMake name the folder that they were installed to.
grep -rlIF "$made" "$made" | xargs -r sed -i "s#$made#$folder#g"
echo "$key" >"$made/made"
rm -rf "$folder"
mv -T "$made" "$folder" 2>/dev/null || [ "$(cat "$folder/made")" = "$key" ]
