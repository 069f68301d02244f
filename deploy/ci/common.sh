# What the scripts beside this one share; read by them (`. deploy/ci/common.sh`).
# shellcheck shell=sh
# shellcheck disable=SC2034  # they read it
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
PYTHON=${PYTHON:-python3}

say() { echo "ci: $*" >&2; }

fail() {
  say "$@"
  exit 1
}

# `need NAME...`: each variable has a value.
need() {
  for name in "$@"; do
    eval "value=\${$name-}"
    [ -n "$value" ] || fail "$name is not set"
  done
}

environment() {
  case ${1-} in
    staging | production) ;;
    *) fail "which environment? staging or production" ;;
  esac
}

digest() {
  echo "${1-}" | grep -Eqx 'sha256:[0-9a-f]{64}' || fail "'${1-}' is no digest of an image"
}

# `output NAME VALUE`: a later step reads it.
output() { echo "$1=$2" >>"${GITHUB_OUTPUT:-/dev/stdout}"; }
