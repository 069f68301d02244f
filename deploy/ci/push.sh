#!/bin/sh
# Push the image that build.sh made to REGISTRY/NAME for each name that is given, and say its digest:
# `push.sh RELEASE NAME...`. Whose base is not the pinned one is not published.
set -eu
. "$(dirname -- "$0")/common.sh"
need REGISTRY AWS_REGION
release=${1:?push.sh RELEASE NAME...}
shift
[ $# -gt 0 ] || fail "push.sh RELEASE NAME...: no name of a repository"
IMAGE=${IMAGE:-localhost/frontrow:built}
data=${FRONTROW_DATA:-$ROOT/.data}/image
ours() { buildah --root "$data/storage" --runroot "$data/running" "$@"; }

base=$(ours inspect --type image --format \
  '{{index .OCIv1.Config.Labels "org.opencontainers.image.base.name"}}' "$IMAGE")
"$ROOT/deploy/image/pinned.sh" "$base"
aws ecr get-login-password --region "$AWS_REGION" |
  ours login --username AWS --password-stdin "$REGISTRY"
first=
for name in "$@"; do
  file=$(mktemp)
  ours push --quiet --digestfile "$file" "$IMAGE" "docker://$REGISTRY/$name:$release"
  pushed=$(cat "$file")
  rm "$file"
  digest "$pushed"
  # The same bytes everywhere: production runs what staging passed with.
  [ -z "$first" ] || [ "$first" = "$pushed" ] || fail "$name has $pushed, and not $first"
  first=$pushed
  say "pushed $REGISTRY/$name@$pushed"
done
output digest "$first"
