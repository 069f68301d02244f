#!/bin/sh
# Say by a webhook how a deployment ended: `notify.sh ENVIRONMENT ok|failed [STEP]`. A failure tells the
# commit, the step, where its log is, and the last good image: of staging the one that it was proved with, of
# production the one before. The webhook's address is an entry of Secrets Manager. No webhook, or one that
# does not answer, fails nothing.
set -eu
. "$(dirname -- "$0")/common.sh"
environment "${1-}"
need GITHUB_SHA GITHUB_SERVER_URL GITHUB_REPOSITORY GITHUB_RUN_ID AWS_REGION
cd "$ROOT"
now=$("$PYTHON" -m deploy.releases show "$1" --json)
if [ "$1" = staging ]; then
  good=$(cat gitops/apps/frontrow/staging/proved)
else
  good=$("$PYTHON" -m deploy.releases show "$1" --before --json 2>/dev/null |
    "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["digest"])' 2>/dev/null) || good=
fi
text=$("$PYTHON" - "$1" "${2:-failed}" "${3-}" "$now" "$good" <<'PYTHON'
import json, os, sys

environment, ended, step, now, good = sys.argv[1:]
run = "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}".format(**os.environ)
now = json.loads(now)
nobody = "sha256:" + "0" * 64  # nothing was good yet
text = f"Frontrow {environment}: {now['release']} {'is released' if ended == 'ok' else 'FAILED'}"
if ended != "ok":
    text += f" at {step or 'an unnamed step'}"
print(json.dumps({
    "text": text, "environment": environment, "ended": ended, "step": step, "log": run,
    "commit": os.environ["GITHUB_SHA"], "digest": now["digest"],
    "last_good_digest": good if good not in ("", nobody) else None,
}))
PYTHON
)
echo "$text"
address=$(aws secretsmanager get-secret-value --region "$AWS_REGION" \
  --secret-id "frontrow/$1/notify" --query SecretString --output text) || address=
if [ -z "$address" ]; then
  say "frontrow/$1/notify has no address: nobody hears of it"
  exit 0
fi
curl --silent --show-error --fail --max-time 20 --retry 3 --header 'Content-Type: application/json' \
  --data "$text" "$address" >/dev/null || say "the webhook does not answer"
