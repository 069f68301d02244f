#!/bin/sh
# Move lines of gitops/ by deploy/releases.py and push them: `release.sh set staging --digest ...`,
# `release.sh prove ...`, `release.sh promote`, `release.sh back ENVIRONMENT`. Nothing moved: nothing is
# pushed. Somebody else pushed meanwhile: the move is made once more on what is there now.
set -eu
. "$(dirname -- "$0")/common.sh"
BRANCH=${BRANCH:-main}
cd "$ROOT"
git config user.name >/dev/null || git config user.name "frontrow releases"
git config user.email >/dev/null || git config user.email releases@frontrow.example
tries=5
while :; do
  git fetch --quiet origin "$BRANCH"
  git checkout --quiet -B "$BRANCH" FETCH_HEAD
  line=$("$PYTHON" -m deploy.releases "$@")
  say "$line"
  git add gitops
  if git diff --cached --quiet; then
    exit 0
  fi
  # 72 characters: the digest is in the file.
  git commit --quiet --message "release: $(echo "$1 $line" | cut -c 1-60)"
  if git push --quiet origin "HEAD:$BRANCH"; then
    exit 0
  fi
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || fail "$BRANCH moves faster than a release can be pushed"
  git reset --quiet --hard HEAD~1
  say "somebody else pushed: once more"
done
