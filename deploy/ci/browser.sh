#!/bin/sh
# Install what tests/browser looks at pages with, and the fonts of Korean pages: `browser.sh`, by sudo if need be.
set -eu
. "$(dirname -- "$0")/common.sh"
if command -v chromium >/dev/null && fc-list 2>/dev/null | grep -qi "Noto Sans CJK"; then
  say "chromium and the fonts are there"
  exit 0
fi
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
$as_root apt-get update -qq
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends \
  chromium fonts-noto-cjk fontconfig
