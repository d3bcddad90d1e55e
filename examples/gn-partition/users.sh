#!/bin/bash
# Daily active users, counted by parts of users and added up; parts in order of time, sorted one by
# one; and a tree by day.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

gn-gen --rows 2000 --users 300 --seed 5 -o "$dir/events.gn"
gn-partition -k user_id -n 4 -d "$dir/parts" "$dir/events.gn"
gn-tocsv -f path,lo,hi,rows "$dir/parts/manifest.gn"

for part in "$dir"/parts/part-*.gn; do
    gn-dau --partial -o "${part%.gn}.state" "$part"
done
gn-dau --merge "$dir"/parts/*.state | gn-tocsv >"$dir/by-parts.csv"
gn-dau "$dir/events.gn" | gn-tocsv | cmp - "$dir/by-parts.csv" && echo "the same"

gn-partition --ranges timestamp -n 3 -d "$dir/times" "$dir/events.gn"
gn-tocsv "$dir/times/manifest.gn" | cut -d , -f 1-5
for part in "$dir"/times/part-*.gn; do
    gn-sort -k timestamp "$part"
done | gn-tocsv >"$dir/sorted.csv"
gn-sort -k timestamp "$dir/events.gn" | gn-tocsv | cmp - "$dir/sorted.csv" && echo "the same"

gn-partition --by month,action=action_type -d "$dir/tree" "$dir/events.gn"
gn-tocsv -f path,rows "$dir/tree/manifest.gn" | head -n 4
