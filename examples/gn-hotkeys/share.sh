#!/bin/bash
# Who owns too much of the events, for partitions of 16 KiB? By the other rule: who stands out?
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

gn-gen --model realistic --rows 5000 --users 200 -o "$dir/events.gn"
gn-hotkeys --target-size 16K "$dir/events.gn" | gn-tocsv
echo "above p99 and five times the median:"
gn-hotkeys --rule quantile "$dir/events.gn" | gn-tocsv -f user_id,count
