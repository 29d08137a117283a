#!/usr/bin/env bash
# Installs the Debian or Ubuntu packages that the build, the tests and OpenCV need and that are missing.
#   tools/system-packages.sh PYTHON
set -euo pipefail
cd "$(dirname "$0")/.."

python=${1:?usage: tools/system-packages.sh PYTHON}
wanted=(
  build-essential cmake nasm ninja-build pkg-config
  libjpeg-dev libturbojpeg0-dev libpng-dev libwebp-dev liblz4-dev libhwy-dev libcurl4-openssl-dev
  libgtest-dev openssl
  libgl1 libglib2.0-0
  ccache
)

installed() {
  # Debian 13 and Ubuntu 24.04 have some libraries under a name that ends in "t64".
  local states
  states=$(dpkg-query --show --showformat '${db:Status-Status}\n' "$1" "$1t64" 2>/dev/null || true)
  grep -qx installed <<<"$states"
}

if ! command -v dpkg-query >/dev/null; then
  echo "Neither Debian nor Ubuntu: install the like of these yourself: ${wanted[*]}" >&2
  exit 0
fi

# Debian's Python comes in parts; others (pyenv, deadsnakes) bring all of theirs, or packages named like these.
name=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
"$python" -c 'import ensurepip, venv' 2>/dev/null || wanted+=("$name-venv")
"$python" -c 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null ||
  wanted+=("$name-dev")

missing=()
for package in "${wanted[@]}"; do
  installed "$package" || missing+=("$package")
done
((${#missing[@]})) || exit 0

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "Neither root nor sudo. Ask an administrator for: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  # Asks for the password now, if it has to: the step has no terminal to ask on.
  sudo -v
  as_root=(sudo)
fi
tools/step.sh .stamps/logs/system-packages.log "System packages: ${missing[*]}" \
  "${as_root[@]}" tools/apt-install.sh "${missing[@]}"
