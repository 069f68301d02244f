#!/bin/sh
# The account is another than Git says: fail, and show how: `drift.sh ENVIRONMENT FILE`.
set -eu
. "$(dirname -- "$0")/common.sh"
environment "${1-}"
cat "${2:?drift.sh ENVIRONMENT FILE}" >>"${GITHUB_STEP_SUMMARY:-/dev/stdout}"
fail "$1 has drifted: somebody changed it by hand, or an apply is missing"
