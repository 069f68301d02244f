#!/bin/sh
# Say which image staging runs: `staged.sh [DIGEST]`, output `digest`. With a digest: refuse another one, so that
# what was approved is what goes to production.
set -eu
. "$(dirname -- "$0")/common.sh"
cd "$ROOT"
now=$("$PYTHON" -m deploy.releases show staging --json |
  "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["digest"])')
if [ $# -gt 0 ] && [ "$1" != "$now" ]; then
  fail "staging runs $now by now, and not $1, which was approved: begin again"
fi
output digest "$now"
