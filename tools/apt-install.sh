#!/usr/bin/env bash
# Installs packages; fetches apt's lists first only where they are missing or too old for that.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
install=(apt-get install --yes --no-install-recommends "$@")
"${install[@]}" || { apt-get update && "${install[@]}"; }
