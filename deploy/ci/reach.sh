#!/bin/sh
# Let kubectl reach an environment's cluster as this workflow's role: `reach.sh ENVIRONMENT`. Its endpoint is
# private, so this runs on a machine in its network.
set -eu
. "$(dirname -- "$0")/common.sh"
environment "${1-}"
need AWS_REGION
aws eks update-kubeconfig --region "$AWS_REGION" --name "frontrow-$1" >/dev/null
kubectl --request-timeout=20s get rollout frontrow-api --namespace frontrow --output name
