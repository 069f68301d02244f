#!/bin/sh
# Build the image without a daemon: `build.sh [release]`. IMAGE names it, FRONTROW_DATA is where it
# is kept. The base comes by its digest where a registry can be reached (BASE_FROM=registry), else
# it is the stand-in of base.sh.
set -eu
. "$(dirname -- "$0")/common.sh"
require buildah git
cd "$ROOT"
revision=$(git rev-parse HEAD)
release=${1:-$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)+$(git rev-parse --short=12 HEAD)}
seconds=$(git log -1 --format=%ct)
if [ "${BASE_FROM:-stand-in}" = registry ]; then
  base=$PINNED
else
  base=$BASE
  "$ROOT/deploy/image/base.sh"
fi
# A build that is ended leaves its containers; nothing else of ours is under way beside it.
trap 'ours rm --all >/dev/null; exit 1' INT TERM
# What pip needs on this machine (an index, a certificate) is lent to the build and stays out of it.
set --
[ -r /etc/pip.conf ] && set -- --volume /etc/pip.conf:/etc/pip.conf:ro
certificates=/etc/ssl/certs/ca-certificates.crt
[ -r "$certificates" ] && set -- "$@" --volume "$certificates:$certificates:ro"
ours build --quiet --layers --pull=missing "$@" \
  --timestamp "$seconds" \
  --build-arg "BASE=$base" \
  --build-arg "FRONTROW_RELEASE=$release" \
  --build-arg "REVISION=$revision" \
  --build-arg "CREATED=$(date -u -d "@$seconds" +%Y-%m-%dT%H:%M:%SZ)" \
  --file Dockerfile --tag "$IMAGE" . >"$DATA/build.log" 2>&1 ||
  { tail -n 20 "$DATA/build.log" >&2; exit 1; }
say "built $IMAGE, release $release, on $base"
