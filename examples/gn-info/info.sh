#!/bin/bash
# What a stream says of itself, and that its records are the same after a detour through CSV.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT
cd "$dir"

gn-gen --rows 100 | gn-cat -f user_id,duration_ms -o durations.gn
gn-info durations.gn | sed 's/ 0\.[0-9.]*  /  /'

gn-tocsv durations.gn | gn-fromcsv --schema user_id:str,duration_ms:int -o back.gn
gn-info durations.gn back.gn | grep checksum | uniq | wc -l
