# Sourced by the scripts beside: the tools that build a wheel, and the oldest glibc that a wheel runs with.
#   source tools/wheel/environment.sh VENV
wheel_venv=$(realpath "$1")
export PATH="$wheel_venv/bin:$PATH"
# manylinux_2_28: Debian 10, Ubuntu 18.10, Red Hat 8 and all that came after.
export PENSTOCK_GLIBC=2.28
PENSTOCK_ZIG=$("$wheel_venv/bin/python" -c 'import os, ziglang; print(os.path.join(os.path.dirname(ziglang.__file__), "zig"))')
export PENSTOCK_ZIG
export CC=$PWD/tools/wheel/compilers/cc CXX=$PWD/tools/wheel/compilers/c++
export AR=$PWD/tools/wheel/compilers/ar RANLIB=$PWD/tools/wheel/compilers/ranlib
