#!/bin/bash
# A log with names and forms of its own becomes events that gn-dau counts.
set -euo pipefail

gn-fromcsv --schema uid:str,at:str,seconds:float <<CSV |
uid,at,seconds
Ann,2023-07-01T23:30:00-04:00,12.5
ann ,2023-07-02T12:00:00Z,3
bob,2023-07-02T13:00:00Z,
CSV
    gn-select 'user_id = lower(trim(uid)), timestamp = time(at), duration_ms = int(seconds * 1000)' |
    gn-dau | gn-select 'date, dau, total_duration_ms' | gn-tocsv
