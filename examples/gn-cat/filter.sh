#!/bin/bash
# Three fields of the long edits. gn-cat has checked every value on the way.
set -euo pipefail

gn-gen --rows 100 |
    gn-cat -f user_id,timestamp,duration_ms \
        --where 'action_type = "edit" and duration_ms > 4min' |
    gn-tocsv
