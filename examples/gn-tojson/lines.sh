#!/bin/bash
# The table of active users as JSON, one object a line; then as one array without nulls.
set -euo pipefail

gn-gen --rows 1000 --seed 7 | gn-dau --by month | gn-head -n 2 | gn-tojson

gn-fromcsv --schema name:str,joined:date,score:float <<'CSV' | gn-tojson --array --omit-null
name,joined,score
ann,2023-07-01,0.5
bob,,
CSV
