#!/bin/bash
# A terabyte on ten hosts, of which nothing is here; then the variables for a job on one small host;
# then a plan for partitions that exist, one of them far too large.
set -euo pipefail

gn-plan --interactions 1T --metadata 100G --cores 16 --memory 64G --hosts 10

gn-plan --interactions 10G --cores 8 --memory 8G --make

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
gn-gen --rows 20000 --users 400 --seed 1 |
    gn-select 'user_id = if(int(hash(page_id)) % 2 = 0, "u000001", user_id), timestamp' |
    gn-partition -k user_id -n 16 -d "$dir/parts" --hot "$dir/hot.gn"
gn-plan --manifest "$dir/parts/manifest.gn" --hot "$dir/hot.gn" --target-size 64K --cores 4 --memory 1G |
    grep -E '^(partitions|largest|salt|split|merge) '
