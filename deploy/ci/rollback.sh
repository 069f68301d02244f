#!/bin/sh
# Take a release back: `rollback.sh ENVIRONMENT`. First the running one is aborted, so that the balancer sends
# everybody to the stable pods at once; then Git gets the image before, for a release that was complete.
set -eu
. "$(dirname -- "$0")/common.sh"
environment "${1-}"
phase=$(kubectl --request-timeout=20s --namespace frontrow get rollout frontrow-api --output 'jsonpath={.status.phase}')
if [ "$phase" != Healthy ]; then
  kubectl --request-timeout=20s --namespace frontrow patch rollout frontrow-api \
    --subresource=status --type=merge --patch '{"status":{"abort":true}}'
  say "the release under way is aborted ($phase)"
fi
"$ROOT/deploy/ci/release.sh" back "$1"
