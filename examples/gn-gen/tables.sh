#!/bin/bash
# The first rows of both tables, and of the same table under another seed.
set -euo pipefail

gn-gen --rows 3 | gn-tocsv
gn-gen --rows 3 --table metadata | gn-tocsv
gn-gen --rows 3 --seed 2 -o - | gn-tocsv --no-header
