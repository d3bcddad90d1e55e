#!/bin/bash
# A log in two halves, by the order of its lines and not by time, each made into sessions on its own
# (on two machines, say). The states merge to the sessions of the whole, numbers and all, although
# sessions were torn apart between the halves.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

events() {
    gn-gen --table interactions --rows 20000 --users 40 --range "$1" | gn-sort -k user_id,timestamp
}

events 0:10000 | gn-sessionize --gap 8h --partial -o "$dir/a.gn"
events 10000:20000 | gn-sessionize --gap 8h --partial -o "$dir/b.gn"

gn-sessionize --merge "$dir/a.gn" "$dir/b.gn" | gn-tocsv > "$dir/merged.csv"
events 0:20000 | gn-sessionize --gap 8h --summary | gn-tocsv > "$dir/whole.csv"

cmp "$dir/merged.csv" "$dir/whole.csv" && echo "equal"
head -n 4 "$dir/merged.csv"
