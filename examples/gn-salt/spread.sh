#!/bin/bash
# One user has most of the events. Salted, they are spread over the parts; the user's metadata, there
# for every salt, is in each of those parts too.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

gn-gen --rows 8000 --users 500 |
    gn-select -f '*, user_id = if(duration_ms < 100000, "u_hot", user_id)' -x user_id -o events.gn
gn-gen --table metadata --rows 500 --users 500 -o users.gn

echo "parts of users:"
gn-partition -k user_id -n 4 -d plain events.gn
gn-tocsv -f path,rows plain/manifest.gn

gn-hotkeys --target-size 32K events.gn -o hot.gn
gn-tocsv -f user_id,count,factor hot.gn

echo "salted:"
gn-salt --hot hot.gn events.gn | gn-partition -k user_id --salt salt -n 4 -d salted
gn-tocsv -f path,rows salted/manifest.gn
