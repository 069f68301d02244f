#!/bin/sh
# Plan an environment's Terraform: `plan.sh ENVIRONMENT FILE`. The plan is kept as FILE, for people as FILE.md.
# Exit code 0: done (output `changes` says true or false); other: Terraform's.
set -eu
. "$(dirname -- "$0")/common.sh"
environment "${1-}"
file=${2:?plan.sh ENVIRONMENT FILE}
need STATE_BUCKET
case $file in /*) ;; *) file=$PWD/$file ;; esac
cd "$ROOT/terraform/environments/$1"
terraform init -input=false -lockfile=readonly -backend-config="bucket=$STATE_BUCKET" >/dev/null
code=0
terraform plan -input=false -lock-timeout=5m -detailed-exitcode -out "$file" >"$file.log" 2>&1 || code=$?
case $code in
  0) output changes false ;;
  2) output changes true ;;
  *)
    tail -n 30 "$file.log" >&2
    exit "$code"
    ;;
esac
{
  echo "### Terraform, $1"
  echo
  terraform show -no-color "$file" | head -c 60000 | sed 's/^/    /'
} >"$file.md"
