#!/bin/bash
# Monthly users of two halves of a log, estimated from sketches: a few kilobytes a day that add up to
# the same bytes however the log is cut. Beside them the exact counts, and how far off the estimates
# are in per cent (the standard error is 0.81).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

gn-gen --table interactions --rows 50000 --range 0:20000 | gn-dau --approx --partial -o "$dir/a.gn"
gn-gen --table interactions --rows 50000 --range 20000:50000 | gn-dau --approx --partial -o "$dir/b.gn"

gn-dau --merge --approx --by month "$dir/a.gn" "$dir/b.gn" |
    gn-tocsv --no-header -f month,mau >"$dir/estimated.csv"
gn-gen --table interactions --rows 50000 | gn-dau --by month |
    gn-tocsv --no-header -f month,mau >"$dir/exact.csv"

echo "month     exact  estimate  per cent"
paste -d , "$dir/exact.csv" "$dir/estimated.csv" |
    awk -F , 'NR <= 3 { printf "%s  %6d  %8d  %8.2f\n", $1, $2, $4, ($4 - $2) * 100 / $2 }'
