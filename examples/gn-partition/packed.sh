#!/bin/bash
# Two writers, each with one file for all of its parts; the sessions of the users of each part, read
# from both, then all of them.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

for i in 1 2; do
    gn-gen --model realistic --rows 4000 --range $((i * 2000 - 2000)):$((i * 2000)) |
        gn-partition -k user_id -n 3 --pack -d "$dir/writer-$i"
done
ls "$dir/writer-1"
gn-tocsv -f path,part,rows "$dir/writer-1/manifest.gn"

for part in 0 1 2; do
    gn-sort --part $part -k user_id,timestamp "$dir"/writer-*/ | gn-sessionize --partial -o "$dir/$part.gn"
done
gn-sessionize --merge --summary "$dir"/[012].gn | gn-agg -a 'sessions = count(), events = sum(actions_count)' | gn-tocsv
gn-gen --model realistic --rows 4000 | gn-sort -k user_id,timestamp |
    gn-sessionize --summary | gn-agg -a 'sessions = count(), events = sum(actions_count)' | gn-tocsv
