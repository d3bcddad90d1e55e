#!/bin/bash
# Who counts as active? Ann only looks around, every day; Bob edits twice in a week; Cyd stays for
# three minutes once. Each is active under one rule: any event, core, session.
set -euo pipefail

log() {
    cat <<'CSV'
user_id,timestamp,action_type,page_id,duration_ms,app_version
ann,2023-07-01 09:00:00,page_view,p1,1000,5.7.3
ann,2023-07-02 09:00:00,page_view,p1,1000,5.7.3
ann,2023-07-03 09:00:00,page_view,p1,1000,5.7.3
bob,2023-07-01 10:00:00,edit,p2,1000,5.7.3
bob,2023-07-02 10:00:00,create,p3,1000,5.7.3
cyd,2023-07-01 11:00:00,page_view,p1,1000,5.7.3
cyd,2023-07-01 11:03:00,share,p1,1000,5.7.3
CSV
}

for rule in any core session; do
    echo "$rule"
    log | gn-fromcsv - | gn-sort -k user_id,timestamp | gn-dau --active $rule |
        gn-tocsv --no-header -f date,dau,total_interactions,complete
done
