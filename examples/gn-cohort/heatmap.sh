#!/bin/bash
# A heat map of retention, for the cohorts of which there are events from the first week on: the
# table as CSV, which heatmap.gp draws where there is a gnuplot.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

gn-gen --model realistic --rows 300000 -o "$dir/events.gn"
gn-gen --model realistic --table metadata --rows 100000 -o "$dir/members.gn"
gn-cohort --members "$dir/members.gn" --percent "$dir/events.gn" |
    gn-where 'cohort_week >= 2023-01-02' | gn-tocsv -o "$dir/retention.csv"
head -n 6 "$dir/retention.csv"

if command -v gnuplot >/dev/null; then
    gnuplot -e "input='$dir/retention.csv'; output='$dir/retention.svg'" "$here/heatmap.gp"
    grep -q '</svg>' "$dir/retention.svg"
fi
