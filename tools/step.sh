#!/usr/bin/env bash
# Runs a command that takes long and says much: shows that it is alive, and what it said only if it fails.
#   tools/step.sh LOG TITLE COMMAND...
set -euo pipefail
# The command gets a process group of its own, so that an interruption ends all that it started.
set -m

log=$1 title=$2
shift 2
mkdir -p "$(dirname "$log")"
printf '==> %s\n' "$title"
"$@" >"$log" 2>&1 </dev/null &
pid=$!
trap 'kill -TERM -- "-$pid" 2>/dev/null; printf "\ninterrupted: %s\n" "$title" >&2; exit 130' INT TERM

last=0
while kill -0 "$pid" 2>/dev/null; do
  sleep 0.5
  if [ -t 1 ]; then
    printf '\r    %d s ' "$SECONDS"
  elif ((SECONDS >= last + 30)); then
    last=$SECONDS
    printf '    %d s ...\n' "$SECONDS"
  fi
done
status=0
wait "$pid" || status=$?
[ -t 1 ] && printf '\r'
if ((status)); then
  tail -n 40 "$log" >&2
  printf 'failed (exit %d): %s\nall of its output: %s\n' "$status" "$title" "$log" >&2
  exit "$status"
fi
printf '    done in %d s\n' "$SECONDS"
