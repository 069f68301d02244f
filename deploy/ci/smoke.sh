#!/bin/sh
# Try staging as its fans and its watchers do: `smoke.sh RELEASE`. One fan buys a ticket, then all of FANS want seats
# at once, and `release verify` looks at what runs. What was bought is given back. The fans' password is an entry of
# Secrets Manager. Output `step` is what it was at when it failed. BUY_SECONDS is how long one purchase may take,
# VERIFY_SECONDS how long what runs has to become right: pods of the release before stay for two minutes.
set -eu
. "$(dirname -- "$0")/common.sh"
need SITE CONCERT FANS AWS_REGION
release=${1:?smoke.sh RELEASE}
# shellcheck disable=SC2086  # e-mail addresses, divided by spaces
set -- $FANS
# A hold gives way to five others at most (`manage.py buy`), so more at once may fail by bad luck.
[ $# -ge 2 ] && [ $# -le 5 ] || fail "FANS names $# fans: 2 to 5 are wanted"
password=$(aws secretsmanager get-secret-value --region "$AWS_REGION" \
  --secret-id frontrow/staging/smoke --query SecretString --output text)
cd "$ROOT"

buy() {
  FRONTROW_PASSWORD=$password timeout "${BUY_SECONDS:-180}" "$PYTHON" manage.py buy \
    --base-url "$SITE" --concert "$CONCERT" --fan "$1" --seats 1 --wait 120 --give-back --json
}

output step purchase
say "a purchase"
buy "$1" || fail "nobody can buy a ticket"

output step rush
say "a rush of $# fans"
buying=
for fan in "$@"; do
  buy "$fan" &
  buying="$buying $!"
done
lost=0
for one in $buying; do
  wait "$one" || lost=$((lost + 1))
done
[ "$lost" -eq 0 ] || fail "$lost of $# fans of the rush have no ticket"

output step verify
say "what runs"
"$PYTHON" -m release verify "$SITE" --expect "$release" --kubeconfig "${KUBECONFIG:-$HOME/.kube/config}" \
  --wait "${VERIFY_SECONDS:-300}" || fail "what runs is not release $release as it should be"
