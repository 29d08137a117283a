#!/usr/bin/env bash
# Runs a command in a chroot of tools/wheel/chroot.sh, with a /proc of its own.
#   tools/wheel/in-chroot.sh FOLDER COMMAND...       as root
set -euo pipefail
# shellcheck disable=SC2016  # the arguments are the inner shell's
exec unshare --mount --pid --fork bash -euc 'mount -t proc proc "$0/proc"; exec chroot "$0" "$@"' "$@"
