#!/usr/bin/env bash
# Builds the wheel for the Python of another Debian, in a chroot, into FOLDER.
#   tools/wheel/debian.sh SUITE FOLDER       as root; SUITE is trixie (Python 3.13), sid (3.14)
set -euo pipefail
cd "$(dirname "$0")/../.."
usage="usage: tools/wheel/debian.sh SUITE FOLDER"
suite=${1:?$usage} folder=${2:?$usage}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/penstock
root=$PWD/build/chroots/$suite-dev
tools/wheel/chroot.sh "$suite" "$root" python3-dev ca-certificates
mkdir -p "$folder" "$cache" "$root/project" "$root/cache/penstock" "$root/wheels"

# What git knows of, with what was not committed yet.
git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- --create | tar -x -C "$root/project"
rm -rf "$root"/wheels/*
# The mount ends with the command: what deletes the chroot must never find the cache there.
# shellcheck disable=SC2016  # the arguments are the inner shell's
unshare --mount bash -euc 'mount --bind "$1" "$2/cache/penstock"; exec tools/wheel/in-chroot.sh "${@:2}"' - \
  "$cache" "$root" env HOME=/root XDG_CACHE_HOME=/cache bash -euc '
  cd /project
  [ -x /venv/bin/python ] || python3 -m venv /venv
  /venv/bin/python -m pip install --quiet --requirement requirements/wheel.txt
  tools/wheel/build.sh /venv /wheels'
cp "$root"/wheels/*.whl "$folder/"
