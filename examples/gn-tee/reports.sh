#!/bin/bash
# One reading, three uses: a file to keep, a report by month, and the first days of a report by day.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

gn-gen --rows 5000 --seed 3 |
    gn-tee "$dir/events.gn.zst" --to "gn-dau --by month -o '$dir/mau.gn'" |
    gn-dau | gn-head -n 2 | gn-tocsv -f date,dau

gn-head -n 2 "$dir/mau.gn" | gn-tocsv -f month,mau
gn-info "$dir/events.gn.zst" | grep records
