#!/bin/bash
# The last three records.
set -euo pipefail

gn-gen --rows 5000 | gn-tail -n 3 | gn-tocsv
