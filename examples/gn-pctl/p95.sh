#!/bin/bash
# A line of the 95th percentile by day, drawn by gnuplot where it is installed. The picture is
# p95.png in the directory given, or nowhere to be kept.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

gn-gen --model realistic --rows 20000 --users 2000 | gn-pctl --by day -p 50,95 |
    gn-tocsv -f period,p50_duration_ms,p95_duration_ms >"$dir/p95.csv"
gn-fromcsv "$dir/p95.csv" | gn-head -n 3 | gn-tocsv

if command -v gnuplot >/dev/null; then
    (cd "$dir" && gnuplot "$here/p95.gnuplot")
    [ -s "$dir/p95.png" ]
    if [ $# -gt 0 ]; then
        cp "$dir/p95.png" "$1"
    fi
fi
