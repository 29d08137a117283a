#!/usr/bin/env bash
# Prints the address of the mirror of Debian that apt uses, and of Debian's own where apt knows none.
set -euo pipefail
apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -m 1 'debian/$' || echo https://deb.debian.org/debian/
