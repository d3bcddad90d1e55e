#!/bin/bash
# What gn-gen planted and what gn-anomaly makes of it: an hour with six times the events, and five
# days of users with hundreds.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

gn-gen --model realistic --rows 200000 --users 20000 --effects "$dir/effects.json" -o "$dir/events.gn"
grep -o '"hour":"[^"]*"\|"user_id":"u[0-9]*","date":"[^"]*"' "$dir/effects.json"

gn-anomaly "$dir/events.gn" -o "$dir/anomalies.gn"
gn-agg -k rule,severity "$dir/anomalies.gn" | gn-tocsv
gn-where 'severity != "medium" and rule = "behavioural" or rule = "temporal" and metric_value > 100' "$dir/anomalies.gn" |
    gn-select 'rule, entity, at, description' | gn-tocsv
gn-where 'rule = "statistical"' "$dir/anomalies.gn" | gn-sort -k score:desc -o "$dir/events.gn"
gn-head -n 2 "$dir/events.gn" | gn-select 'entity, at, description' | gn-tocsv
