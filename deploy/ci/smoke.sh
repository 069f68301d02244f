#!/bin/sh
# Buy a ticket on staging as a fan does: `smoke.sh`. The fan's password is an entry of Secrets Manager.
set -eu
. "$(dirname -- "$0")/common.sh"
need SITE CONCERT FAN AWS_REGION
password=$(aws secretsmanager get-secret-value --region "$AWS_REGION" \
  --secret-id frontrow/staging/smoke --query SecretString --output text)
cd "$ROOT"
FRONTROW_PASSWORD=$password "$PYTHON" manage.py buy --base-url "$SITE" --concert "$CONCERT" --fan "$FAN" --seats 1 --json
