#!/bin/sh
# Sign an image and its list of contents, without a key, as this workflow: `sign.sh DIGEST SBOM NAME...`.
set -eu
. "$(dirname -- "$0")/common.sh"
need REGISTRY
digest "${1-}"
digest=$1
sbom=${2-}
[ -s "$sbom" ] || fail "there is no list of contents at '$sbom'"
shift 2
[ $# -gt 0 ] || fail "sign.sh DIGEST SBOM NAME...: no name of a repository"
for name in "$@"; do
  cosign sign --yes "$REGISTRY/$name@$digest"
  cosign attest --yes --type spdxjson --predicate "$sbom" "$REGISTRY/$name@$digest"
  say "signed $REGISTRY/$name@$digest"
done
