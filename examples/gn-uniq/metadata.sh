#!/bin/bash
# Users that are there several times: of each the row with the latest join_date, of two of one day
# the greater. The rows that contradict it go to a stream of their own.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

gn-fromcsv <<CSV | gn-uniq -k user_id --keep join_date:desc --ties greatest --duplicates "$dir/older.gn" | gn-tocsv
user_id,join_date,country,device_type,subscription_type
u000002,2022-01-15,US,iPhone,free
u000001,2021-03-01,DE,Mac,basic
u000002,2023-05-01,US,iPad,premium
u000002,2023-05-01,FR,iPad,premium
u000003,,JP,Windows,free
CSV

echo "left out:"
gn-tocsv --no-header "$dir/older.gn"
