#!/bin/bash
# Two halves of a log, counted apart (on two machines, say), then merged: the same table as from the
# whole. Users who occur in both halves are counted once, since a state holds users, not counts.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

gn-gen --table interactions --rows 20000 --range 0:10000 | gn-dau --partial -o "$dir/a.gn"
gn-gen --table interactions --rows 20000 --range 10000:20000 | gn-dau --partial -o "$dir/b.gn"

gn-dau --merge --by month "$dir/a.gn" "$dir/b.gn" | gn-tocsv > "$dir/merged.csv"
gn-gen --table interactions --rows 20000 | gn-dau --by month | gn-tocsv > "$dir/whole.csv"

cmp "$dir/merged.csv" "$dir/whole.csv" && echo "equal"
head -3 "$dir/merged.csv"
