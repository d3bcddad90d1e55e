#!/bin/bash
# Versions rolled up to releases, durations in seconds and capped at 8 hours.
set -euo pipefail

gn-fromcsv <<CSV |
user_id,timestamp,duration_ms,app_version
u000001,2023-07-01 10:00:00,1250,5.7.3
u000002,2023-07-02 23:30:00,99000000,5.7.10
u000003,2023-07-03 08:00:00,,6.0.1
CSV
    gn-select --tz Europe/Berlin 'user_id, day = date(timestamp),
        release = concat(major(app_version), ".", minor(app_version)),
        secs = round(least(duration_ms, 8h) / 1000, 1)' |
    gn-tocsv
