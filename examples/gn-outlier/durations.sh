#!/bin/bash
# Average durations by action with and without outliers, and the fences; then the fences of the
# first half of the year, applied to December.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

gn-gen --model realistic --rows 20000 --users 2000 -o "$dir/events.gn"

gn-outlier -k action_type --method robust --action flag --fences "$dir/fences.gn" "$dir/events.gn" |
    gn-agg -k action_type -a 'events = count(), outliers = count(if(is_outlier, 1, null)),
        all = avg(duration_ms), usual = avg(if(is_outlier, null, duration_ms))' |
    gn-select 'action_type, events, outliers, all = round(all, 1), usual = round(usual, 1)' | gn-tocsv
gn-select 'action_type, median_duration_ms, mad_duration_ms, upper = round(upper_duration_ms, 1)' \
    "$dir/fences.gn" | gn-tocsv

gn-where 'timestamp < 2023-07-01' "$dir/events.gn" |
    gn-outlier --partial -k action_type -o "$dir/half.gn"
gn-outlier --merge --allow-partial "$dir/half.gn" -o "$dir/half-fences.gn"
gn-where 'timestamp >= 2023-12-01' "$dir/events.gn" |
    gn-outlier --use-fences "$dir/half-fences.gn" -k action_type --action bucket |
    gn-agg -k outlier_bucket | gn-tocsv
