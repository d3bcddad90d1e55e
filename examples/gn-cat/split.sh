#!/bin/bash
# Four processes under GNU parallel count the active users of one compressed file. Each reads a part
# of its frames; the states merge to the table of the whole, and not without one of them.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT

gn-gen --rows 300000 --users 20000 -o "$dir/f.gn.zst"
export dir PARALLEL_SHELL=/bin/bash
# shellcheck disable=SC2016  # $dir is for the shells that parallel starts
parallel --will-cite --halt now,fail=1 \
    'set -o pipefail; gn-cat --split {}/4 "$dir/f.gn.zst" | gn-dau --partial -o "$dir/{}.gn"' ::: 1 2 3 4

gn-dau --merge --by month "$dir"/[1-4].gn | gn-tocsv >"$dir/merged.csv"
gn-dau --by month "$dir/f.gn.zst" | gn-tocsv >"$dir/whole.csv"
cmp "$dir/merged.csv" "$dir/whole.csv" && echo "equal"
gn-dau --merge "$dir"/[134].gn >"$dir/holes.gn" 2>/dev/null || echo "refused without part 2"
