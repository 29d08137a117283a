# shellcheck shell=bash
# To be sourced: compiles through ccache where it is installed. Its cache lies beside pip's, in the user's cache folder;
# paths within the project are stored relative to it, so that one clone finds what another has compiled.
if command -v ccache >/dev/null; then
  project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
  export CMAKE_CXX_COMPILER_LAUNCHER=ccache CMAKE_C_COMPILER_LAUNCHER=ccache
  export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$project} CCACHE_NOHASHDIR=1
fi
