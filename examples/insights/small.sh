#!/bin/bash
# The insights job on a small sample: the tables it makes, and the head of one.
set -euo pipefail

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
gn-gen --model uniform --seed 1 --table interactions --rows 20000 | gn-tocsv -o "$out/events.csv"

INTERACTIONS=$out/events.csv OUT=$out/mine "$(dirname "$0")/../../pipelines/insights" >/dev/null

(cd "$out/mine/tables" && wc -l -- *.csv)
head -n 4 "$out/mine/tables/daily_active_users.csv"
