#!/bin/bash
# Events, users and typical durations by action; then how many users had how many events.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

gn-gen --model realistic --rows 20000 --users 2000 -o "$dir/events.gn"

gn-agg -k action_type \
    -a 'count(), users = distinct(user_id), median(duration_ms), p95(duration_ms)' \
    "$dir/events.gn" | gn-tocsv

gn-agg -k user_id -a 'events = count()' "$dir/events.gn" |
    gn-agg -k events -a 'users = count()' | gn-head -n 3 | gn-tocsv
