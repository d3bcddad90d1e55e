#!/bin/bash
# Events with attributes of their users, where the metadata repeats a user and lacks another.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

gn-fromcsv -o "$dir/users.gn" <<CSV
user_id,join_date,country
u000001,2022-01-15,US
u000002,2022-03-01,DE
u000001,2023-02-20,CA
CSV

gn-fromcsv <<CSV | gn-join -k user_id --right-dup last --right-order join_date "$dir/users.gn" | gn-tocsv
user_id,action_type,duration_ms
u000001,page_view,1200
u000003,edit,700
u000002,share,
u000001,edit,900
CSV
