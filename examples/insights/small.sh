#!/bin/bash
# The insights job on a small sample: the tables it makes, and the heads of some; then with another
# gap between sessions, which begins with the sorted partitions that --keep has left.
set -euo pipefail

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
gn-gen --model realistic --seed 1 --users 2000 --rows 20000 | gn-tocsv -o "$out/events.csv"

export INTERACTIONS=$out/events.csv OUT=$out/mine
insights=$(dirname "$0")/../../pipelines/insights
"$insights" --keep >/dev/null

(cd "$out/mine/tables" && wc -l -- *.csv)
head -n 4 "$out/mine/tables/daily_active_users.csv"
head -n 4 "$out/mine/tables/sessions.csv"

for GAP in 30min 10min; do
    export GAP
    "$insights" --keep >/dev/null
    echo "gap $GAP"
    cut -d, -f1-5 "$out/mine/tables/session_overview.csv"
done
