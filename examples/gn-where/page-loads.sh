#!/bin/bash
# Slow page loads, by the day of their users' clocks.
set -euo pipefail

gn-gen --model realistic --rows 20000 |
    gn-where --tz America/New_York \
        'action_type = "page_view" and duration_ms > 30s and date(timestamp) = 2023-07-04' |
    gn-select --tz America/New_York 'user_id, at = str(timestamp), duration_ms, app_version' |
    gn-tocsv
