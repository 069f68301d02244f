#!/bin/sh
# Show what a promotion would change, for who approves it: `changes.sh [FILE]`, Markdown. What runs, which
# migrations come, and how values and rendered objects differ.
set -eu
. "$(dirname -- "$0")/common.sh"
file=${1:-/dev/stdout}
cd "$ROOT"
field() { "$PYTHON" -m deploy.releases show "$1" --json | "$PYTHON" -c "import json, sys; print(json.load(sys.stdin)['$2'])"; }
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
for chart in production staging; do
  tag=$(field "$chart" chart)
  mkdir -p "$folder/$chart"
  git archive "$tag" helm/frontrow | tar -x -C "$folder/$chart" || fail "there is no tag $tag"
  # Production's own values with the one chart and image, then with the other.
  helm template frontrow "$folder/$chart/helm/frontrow" --namespace frontrow --kube-version 1.34.0 \
    --values "$folder/$chart/helm/frontrow/values-production.yaml" \
    --values gitops/apps/frontrow/production/values.yaml \
    --values "gitops/apps/frontrow/$chart/release.yaml" >"$folder/$chart.yaml"
done
old=$(field production chart)
new=$(field staging chart)
{
  echo "## From $(field production release) to $(field staging release)"
  echo
  "$PYTHON" -m deploy.releases show staging | sed 's/^/    /'
  echo
  echo "### Schema: migrations that come"
  echo
  git diff --name-only --diff-filter=A "$old" "$new" -- '*/migrations/*.py' | sed 's/^/    /'
  echo
  echo "### Values"
  echo
  git diff "$old" "$new" -- helm/frontrow/values.yaml helm/frontrow/values-production.yaml | sed 's/^/    /'
  echo
  echo "### Objects"
  echo
  diff -u "$folder/production.yaml" "$folder/staging.yaml" | tail -n +3 | sed 's/^/    /' || true
} >>"$file"
