#!/bin/bash
# What goes together in users: a table of them, one record each, then all pairs of its columns.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

gn-gen --model realistic --rows 20000 --users 2000 | gn-sort -k user_id,timestamp -o "$dir/events.gn"
gn-sessionize --summary "$dir/events.gn" | gn-agg -k user_id -a 'sessions = count(),
    interactions = sum(actions_count), duration = sum(total_duration_ms),
    days_active = distinct(date(session_start))' -o "$dir/users.gn"
gn-corr duration,interactions,days_active,sessions "$dir/users.gn" | gn-tocsv
