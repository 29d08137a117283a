#!/usr/bin/env bash
# Makes a small Debian in FOLDER: Python with pip and venv, neither a compiler nor libraries that it does not need.
#   tools/wheel/chroot.sh SUITE FOLDER [PACKAGE...]       as root; SUITE is bookworm, trixie, sid
# As a user of this machine: the chroot asks the same mirrors and trusts the same certificates.
set -euo pipefail
usage="usage: tools/wheel/chroot.sh SUITE FOLDER [PACKAGE...]"
suite=${1:?$usage} folder=${2:?$usage}
shift 2
[ ! -e "$folder/.made" ] || exit 0

command -v debootstrap >/dev/null || { echo "apt-get install debootstrap" >&2; exit 1; }
mirror=$("$(dirname "$0")/../debian-mirror.sh")
packages=$(IFS=,; echo "python3,python3-venv${*:+,}$*")
rm -rf "$folder"
mkdir -p "$(dirname "$folder")"
debootstrap --variant=minbase --include="$packages" "$suite" "$folder" "$mirror"
for file in /etc/pip.conf /etc/xdg/pip/constraints.txt /etc/ssl/certs/ca-certificates.crt; do
  [ ! -e "$file" ] || install -D -m 644 "$file" "$folder$file"
done
touch "$folder/.made"
