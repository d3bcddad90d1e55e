#!/bin/bash
# Split robots off in one pass: people are counted, robots kept for a look.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT

gn-fromcsv <<CSV | gn-where --else "$dir/robots.gn" 'user_id not like "bot%"' | gn-tocsv
user_id,timestamp,duration_ms
u000001,2023-07-01 10:00:00,1200
bot-7,2023-07-01 10:00:01,3
u000002,2023-07-01 11:30:00,500
,2023-07-01 12:00:00,800
CSV
echo "the others:"
gn-tocsv "$dir/robots.gn"
