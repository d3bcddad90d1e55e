#!/bin/bash
# What differs between two exports of the users: a full join that says where each row comes from.
# Then the users of the first that are gone, as records of the first.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

gn-fromcsv -o "$dir/old.gn" <<CSV
user_id,plan
u000001,free
u000002,basic
u000003,free
CSV
gn-fromcsv -o "$dir/new.gn" <<CSV
user_id,plan
u000003,premium
u000001,free
u000004,free
CSV

gn-join -k user_id --type full --suffix _new --mark side "$dir/old.gn" "$dir/new.gn" |
    gn-where 'side != "both" or plan != plan_new' | gn-sort -k user_id | gn-tocsv

gn-join -k user_id --type anti "$dir/old.gn" "$dir/new.gn" | gn-tocsv
