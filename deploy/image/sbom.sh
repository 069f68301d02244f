#!/bin/sh
# List what is in the image (`build.sh` makes it): its packages, Debian's and Python's, as SPDX and
# CycloneDX, into the data folder or the folder that is named. Syft is built by its pinned version
# and sums (deploy/tools/syft). Searching the list for known weaknesses needs data that the pipeline
# fetches.
set -eu
. "$(dirname -- "$0")/common.sh"
require buildah go
to=${1:-$DATA/sbom}
mkdir -p "$to"
syft=$DATA/syft
CGO_ENABLED=0 GOFLAGS=-mod=readonly nice -n 19 go build -C "$ROOT/deploy/tools/syft" -trimpath \
  -buildvcs=false -ldflags="-s -w" -o "$syft" github.com/anchore/syft/cmd/syft
container=$(ours from --pull=never "$IMAGE")
trap 'ours umount "$container" >/dev/null 2>&1; ours rm "$container" >/dev/null' EXIT
files=$(ours mount "$container")
# The files as they are merged, and only catalogues that belong to them.
SYFT_CHECK_FOR_APP_UPDATE=false "$syft" scan --quiet "dir:$files" --base-path "$files" \
  --source-name frontrow --source-version "$(ours inspect --type image --format \
    '{{index .OCIv1.Config.Labels "org.opencontainers.image.version"}}' "$IMAGE")" \
  --output "spdx-json=$to/frontrow.spdx.json" --output "cyclonedx-json=$to/frontrow.cdx.json"
say "wrote $to/frontrow.spdx.json and frontrow.cdx.json"
