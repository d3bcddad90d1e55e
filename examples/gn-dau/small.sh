#!/bin/bash
# Six events of three users. Daily active users are the distinct users of a day; the null duration
# counts as activity but adds nothing to the total.
set -euo pipefail

gn-fromcsv --schema interactions - <<'CSV' | gn-dau | gn-view
user_id,timestamp,action_type,page_id,duration_ms,app_version
ann,2023-07-01 09:00:00,page_view,p1,12000,5.7.3
ann,2023-07-01 09:05:00,edit,p1,30000,5.7.3
bob,2023-07-01 23:59:59,page_view,p2,,5.7.3
bob,2023-07-03 08:00:00,share,p2,1000,5.7.3
cyd,2023-07-03 10:00:00,page_view,p3,5000,5.7.2
ann,2023-07-03 11:00:00,page_view,p1,7000,5.7.3
CSV
