#!/bin/bash
# Who are the power users, and how much of everything is theirs? With events above 8 hours kept, a
# few clocks that went wrong take their places.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

gn-gen --model realistic --rows 30000 -o "$dir/events.gn"

gn-powerusers --share 0.1% "$dir/events.gn" | gn-tocsv -f user_id,rank,total_interactions,days_active

echo
for outliers in drop keep; do
    printf '%s: the top 1 %% have this many of 30000 events: ' $outliers
    gn-powerusers --outliers $outliers "$dir/events.gn" |
        gn-agg -a 'n = sum(total_interactions)' | gn-tocsv --no-header
done

echo
gn-powerusers --also histogram="$dir/histogram.gn" "$dir/events.gn" -o "$dir/top.gn"
gn-where 'metric = "total_interactions"' "$dir/histogram.gn" | gn-tocsv -f lower,upper,users
