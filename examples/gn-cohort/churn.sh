#!/bin/bash
# Who stays? Retention by subscription, of the cohorts of the first half of the year: of all members
# the part that was active in the weeks 17 to 26 after joining, on average. And what the metadata do
# not tell: users without a row, rows that repeat a user.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

gn-gen --model realistic --rows 300000 -o "$dir/events.gn"
gn-gen --model realistic --table metadata --rows 100000 -o "$dir/members.gn"

gn-cohort --members "$dir/members.gn" --segment subscription_type --stats="$dir/stats.json" \
    "$dir/events.gn" >"$dir/retention.gn"

gn-where 'complete and week_number > 16 and cohort_week between 2023-01-09 and 2023-06-26' \
    "$dir/retention.gn" |
    gn-agg -k segment_value -a 'users = sum(retained_users), size = sum(cohort_size)' |
    gn-select 'subscription = segment_value, rate = users / size' | gn-sort -k rate | gn-tocsv

echo
grep -o '"\(members\|member_duplicates\|active_without_member\)":[0-9]*' "$dir/stats.json"
