#!/bin/sh
# Apply an environment's plan as it was approved: `apply.sh ENVIRONMENT FILE`.
set -eu
. "$(dirname -- "$0")/common.sh"
environment "${1-}"
file=${2:?apply.sh ENVIRONMENT FILE}
[ -s "$file" ] || fail "there is no plan at '$file'"
need STATE_BUCKET
case $file in /*) ;; *) file=$PWD/$file ;; esac
cd "$ROOT/terraform/environments/$1"
terraform init -input=false -lockfile=readonly -backend-config="bucket=$STATE_BUCKET" >/dev/null
terraform apply -input=false -lock-timeout=5m "$file"
