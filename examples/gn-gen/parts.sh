#!/bin/bash
# A data set made in two parts, each on its own: together they are the whole, byte for byte, and the
# second part alone says which rows it is.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT

gn-gen --rows 1000 | gn-tocsv >"$dir/whole.csv"
gn-gen --rows 1000 --range 0:600 -o "$dir/a.gn" &
gn-gen --rows 1000 --range 600:1000 -o "$dir/b.gn"
wait
gn-tocsv "$dir/a.gn" "$dir/b.gn" | cmp - "$dir/whole.csv" && echo "the parts are the whole"
gn-info "$dir/b.gn" | grep covers
