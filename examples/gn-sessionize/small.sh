#!/bin/bash
# Six events of two users, out of order. More than 30 minutes of silence begin a session: 09:30 is
# still of ann's first, 10:00:01 is not. Bob's session runs over midnight; its date is its start's.
set -euo pipefail

gn-fromcsv --schema interactions - <<'CSV' | gn-sort -k user_id,timestamp | gn-sessionize --summary |
user_id,timestamp,action_type,page_id,duration_ms,app_version
ann,2023-07-01 10:00:01,edit,p2,,5.7.3
bob,2023-07-02 00:10:00,share,p2,7000,5.7.3
ann,2023-07-01 09:00:00,page_view,p1,12000,5.7.3
bob,2023-07-01 23:50:00,page_view,p2,1000,5.7.3
ann,2023-07-01 09:30:00,edit,p1,30000,5.7.3
bob,2023-07-02 00:10:00,share,,-5,5.7.3
CSV
    gn-tocsv
