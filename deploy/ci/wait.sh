#!/bin/sh
# Wait until an image runs everywhere, or has been taken back: `wait.sh DIGEST`. WAIT_SECONDS is how long at
# most; exit code 0: it runs, 1: it was taken back or does not come up, 2: it is neither in time.
set -eu
. "$(dirname -- "$0")/common.sh"
digest "${1-}"
WAIT_SECONDS=${WAIT_SECONDS:-3600}
PAUSE_SECONDS=${PAUSE_SECONDS:-15}
end=$(($(date +%s) + WAIT_SECONDS))
said=-

# Of the Rollout one line: the image, its phase, the weight, why.
look() {
  kubectl --request-timeout=20s --namespace frontrow get rollout frontrow-api --output \
    'jsonpath={.spec.template.spec.containers[0].image}|{.status.phase}|{.status.canary.weights.canary.weight}|{.status.abort}|{.status.message}'
}

while [ "$(date +%s)" -lt "$end" ]; do
  now=$(look) || now=
  image=${now%%|*}
  rest=${now#*|}
  phase=${rest%%|*}
  if [ "$now" != "$said" ]; then
    say "${now:-the cluster does not answer}"
    said=$now
  fi
  case $image in
    *"@$1")
      [ "$phase" = Healthy ] && exit 0
      [ "$phase" = Degraded ] && exit 1
      ;;
  esac
  sleep "$PAUSE_SECONDS"
done
say "neither healthy nor taken back after $WAIT_SECONDS s: $said"
exit 2
