#!/bin/bash
# Two sorted halves into one, which is what sorting both together gives.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

gn-gen --rows 10 --users 3 --range 0:5 | gn-sort -k user_id,timestamp -o "$dir/a.gn"
gn-gen --rows 10 --users 3 --range 5:10 | gn-sort -k user_id,timestamp -o "$dir/b.gn"
gn-merge "$dir/a.gn" "$dir/b.gn" | gn-tocsv -f user_id,timestamp,action_type >"$dir/merged.csv"
cat "$dir/merged.csv"
gn-sort -k user_id,timestamp "$dir/a.gn" "$dir/b.gn" | gn-tocsv -f user_id,timestamp,action_type |
    cmp - "$dir/merged.csv" && echo "the same"
