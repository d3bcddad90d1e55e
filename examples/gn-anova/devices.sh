#!/bin/bash
# Does the type of device go with longer durations? The devices come from the metadata, where the row
# of a user with the latest join_date has the true one. Durations above 8 hours are left out: there
# are a few of them, and they would decide the averages.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

gn-gen --model realistic --rows 60000 --users 12000 --seed 3 -o "$dir/events.gn"
gn-gen --model realistic --rows 13200 --users 12000 --seed 3 --table metadata -o "$dir/metadata.gn"

gn-where 'duration_ms <= 8h' "$dir/events.gn" |
    gn-join -k user_id --right-dup last --right-order join_date --right-fields device_type \
        "$dir/metadata.gn" |
    gn-anova --groups "$dir/devices.gn" -o "$dir/effect.gn"
gn-tocsv -f unit,groups,n,excluded,f_statistic,p_value,eta_squared,effect,kruskal_p "$dir/effect.gn"
gn-tocsv -f device_type,users,interactions,avg_duration_ms,p50_duration_ms,difference_percent \
    "$dir/devices.gn"
