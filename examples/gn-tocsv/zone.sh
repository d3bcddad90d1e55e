#!/bin/bash
# Chosen fields, tabs, and times in another zone: the offset keeps the instant readable.
set -euo pipefail

gn-gen --rows 3 | gn-tocsv -f user_id,timestamp --tsv --tz America/New_York
