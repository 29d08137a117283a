#!/usr/bin/env bash
# Unpacks the source of a library into FOLDER, from the cache or from the mirror of Debian that apt uses, once its
# checksum is the one of tools/sources.txt.
#   tools/source.sh NAME FOLDER
set -euo pipefail
name=${1:?usage: tools/source.sh NAME FOLDER} folder=${2:?usage: tools/source.sh NAME FOLDER}
cd "$(dirname "$0")/.."

read -r file checksum < <(awk -v name="$name" '$1 == name { print $2, $3 }' tools/sources.txt) ||
  { echo "tools/sources.txt names no $name" >&2; exit 1; }
cache=${XDG_CACHE_HOME:-$HOME/.cache}/penstock
tarball=$cache/${file##*/}
is_it() { sha256sum --check --status <<<"$checksum  $1" 2>/dev/null; }

if ! is_it "$tarball"; then
  mkdir -p "$cache"
  # Two builds may fetch at a time.
  fetched=$(mktemp "$cache/fetching.XXXXXX")
  trap 'rm -f "$fetched"' EXIT
  mirror=$(tools/debian-mirror.sh)
  # apt's own downloader, where there is one, knows the machine's proxies and certificates.
  if [ -x /usr/lib/apt/apt-helper ]; then
    download=(/usr/lib/apt/apt-helper -o APT::Sandbox::User=root download-file "${mirror}pool/main/$file" "$fetched")
  else
    download=(curl --fail --silent --show-error --location --output "$fetched" "${mirror}pool/main/$file")
  fi
  "${download[@]}" >&2 ||
    { echo "${mirror}pool/main/$file cannot be had: name a version that Debian has in tools/sources.txt" >&2; exit 1; }
  is_it "$fetched" || { echo "${mirror}pool/main/$file has another checksum than tools/sources.txt" >&2; exit 1; }
  mv "$fetched" "$tarball"
fi
mkdir -p "$folder"
tar -xf "$tarball" --strip-components=1 -C "$folder"
