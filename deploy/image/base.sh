#!/bin/sh
# Make a stand-in for the base image, under its name and without its digest, where no registry of
# images can be reached: Debian's own packages of the same release, with pip where that image has it.
# It is for trying the image; `pinned.sh` refuses to let what stands on it be published.
set -eu
. "$(dirname -- "$0")/common.sh"
require buildah debootstrap
suite=${BASE##*-}

if ours inspect --type image "$BASE" >/dev/null 2>&1; then
  say "$BASE is there"
  exit 0
fi
root=$DATA/base
if [ ! -e "$root.made" ]; then
  say "making a stand-in for $BASE from Debian's packages"
  rm -rf "$root"
  debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates "$suite" "$root" \
    >"$DATA/debootstrap.log" 2>&1 || { tail -n 5 "$DATA/debootstrap.log" >&2; exit 1; }
  # What Debian's slim images, and Python's, leave out too.
  rm -rf "$root"/usr/share/doc/* "$root"/usr/share/man/* "$root"/usr/share/info/* \
    "$root"/usr/share/locale/* "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin \
    "$root"/var/cache/apt/archives/*.deb "$root"/var/log/*.log "$root"/var/log/apt/*
  find "$root/usr/lib/python3.13" -depth -name __pycache__ -exec rm -rf {} +
  # `python` and pip as there: below /usr/local, pip not in a virtual environment.
  ln -sf ../../bin/python3 "$root/usr/local/bin/python"
  chroot "$root" /usr/bin/python3 -m venv /tmp/venv
  mkdir -p "$root/usr/local/lib/python3.13/dist-packages"
  mv "$root"/tmp/venv/lib/python3.*/site-packages/pip "$root"/usr/local/lib/python3.*/dist-packages/
  rm -rf "$root/tmp/venv" "$root"/usr/share/python-wheels
  touch "$root.made"
fi
container=$(ours from scratch)
trap 'ours rm "$container" >/dev/null' EXIT
ours add --quiet "$container" "$root" / >/dev/null
ours config --env PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin \
  --cmd python --label frontrow.stand-in=true "$container"
ours commit --quiet "$container" "$BASE" >/dev/null
rm -rf "$root" "$root.made"
say "made $BASE"
