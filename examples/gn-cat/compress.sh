#!/bin/bash
# Compressed by the name of the output, decompressed by anyone: gn-cat, or zstd itself.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT

gn-gen --rows 10000 -o "$dir/a.gn"
gn-cat -o "$dir/a.gn.zst" "$dir/a.gn"
gn-cat -o "$dir/b.gn" "$dir/a.gn.zst"
for f in a.gn a.gn.zst b.gn; do
    gn-info --json "$dir/$f" | grep -o '"checksum":"[^"]*"'
done
[ "$(wc -c <"$dir/a.gn.zst")" -lt "$(wc -c <"$dir/a.gn")" ] && echo "smaller"
