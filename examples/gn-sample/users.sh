#!/bin/bash
# Two of forty users, with all of their events; and that a sample taken of parts is the same.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

gn-gen --rows 400 --users 40 --seed 5 -o "$dir/events.gn"
gn-sample -n 2 -k user_id "$dir/events.gn" | gn-tocsv --no-header -f user_id | sort | uniq -c

gn-sample --rate 0.1 "$dir/events.gn" | gn-tocsv >"$dir/whole.csv"
{ gn-head -n 100 "$dir/events.gn" && gn-tail -n 300 "$dir/events.gn"; } |
    gn-sample --rate 0.1 | gn-tocsv | cmp - "$dir/whole.csv" && echo "the same"
