#!/usr/bin/env bash
# Installs a wheel in a Debian that has neither a compiler nor any of the libraries, without a network, and has
# tools/wheel/trial.py read, decode and train there.
#   tools/wheel/trial.sh FOLDER [SUITE]       as root; FOLDER has the wheel; SUITE: bookworm (Python 3.11), trixie, sid
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=${1:?usage: tools/wheel/trial.sh FOLDER [SUITE]} suite=${2:-bookworm}
root=$PWD/build/chroots/$suite
tools/wheel/chroot.sh "$suite" "$root"

version=$(chroot "$root" python3 -c 'import sys; print("%d%d" % sys.version_info[:2])')
wheel=$(ls "$folder"/penstock-*-"cp$version"-*manylinux*.whl)
mkdir -p "$root/wheels" "$root/project/tools/wheel" "$root/project/tests/data"
rm -f "$root"/wheels/penstock-*.whl
cp "$wheel" "$root/wheels/"
cp tools/wheel/trial.py "$root/project/tools/wheel/"
cp -r tests/data/golden "$root/project/tests/data/"
# What the wheel depends on is brought along: there is to be no network.
platforms=(--platform manylinux2014_x86_64)
# pip takes each glibc by name, and none for another.
for glibc in $(seq 5 36); do platforms+=(--platform "manylinux_2_${glibc}_x86_64"); done
python3 -m pip download --quiet --dest "$root/wheels" --only-binary=:all: --python-version "$version" \
  "${platforms[@]}" "$wheel"

unshare --net tools/wheel/in-chroot.sh "$root" \
  env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin bash -euc '
  for tool in cc gcc c++ clang cmake; do
    ! command -v "$tool" || { echo "there is a compiler here" >&2; exit 1; }
  done
  ! ldconfig -p | grep -E "lib(jpeg|turbojpeg|png|webp|lz4|hwy|curl|nghttp2|stdc\+\+)[0-9.-]*\.so" |
    grep -v -E "liblz4|libstdc" || { echo "there are libraries here that the wheel has inside" >&2; exit 1; }
  rm -rf /trial
  python3 -m venv /trial
  /trial/bin/python -m pip install --quiet --no-index --find-links /wheels penstock
  cd /
  /trial/bin/python /project/tools/wheel/trial.py'
