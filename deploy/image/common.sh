# What the scripts beside this one share; read by them (`. deploy/image/common.sh`).
# shellcheck shell=sh
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
DATA=${FRONTROW_DATA:-$ROOT/.data}/image
# The Dockerfile is the one place that names the base.
PINNED=$(sed -n 's/^ARG BASE=//p' "$ROOT/Dockerfile")
BASE=${PINNED%@*}
IMAGE=${IMAGE:-localhost/frontrow:built}
mkdir -p "$DATA/tmp"
export TMPDIR="$DATA/tmp" BUILDAH_ISOLATION=chroot

say() { echo "image: $*" >&2; }

# Images and containers of ours stand apart from those of the machine.
ours() { buildah --root "$DATA/storage" --runroot "$DATA/running" "$@"; }

require() {
  for program in "$@"; do
    command -v "$program" >/dev/null || {
      say "$program is missing (on Debian: apt-get install buildah debootstrap)"
      exit 1
    }
  done
}
