#!/bin/bash
# Sorted, not sorted, and sorted although only a little memory was there: the bytes are the same.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

gn-gen --rows 400000 --seed 3 -o "$dir/events.gn"
gn-sort --check -k user_id,timestamp "$dir/events.gn" 2>/dev/null || echo "status $?"
gn-sort -k user_id,timestamp -o "$dir/sorted.gn" "$dir/events.gn"
gn-sort --check -k user_id,timestamp "$dir/sorted.gn" && echo "sorted"
gn-sort -m 16M -k user_id,timestamp "$dir/events.gn" | cmp - "$dir/sorted.gn" && echo "the same"
