#!/bin/bash
# One evening in UTC is another day in Tokyo: with --tz-field the day is the user's own. And a film of
# two hours is watched on both sides of midnight: with --span its user is active on both days.
set -euo pipefail

log() {
    cat <<'CSV'
user,at,ms,zone
ann,2023-07-01 22:30:00,7200000,Europe/Lisbon
bob,2023-07-01 22:30:00,1000,Asia/Tokyo
cyd,2023-07-01 23:30:00,1000,America/New_York
CSV
}
schema=user:str,at:time,ms:int,zone:str

for options in "" "--tz-field zone" "--tz-field zone --span"; do
    echo "gn-dau${options:+ $options}"
    # shellcheck disable=SC2086
    log | gn-fromcsv --schema $schema - |
        gn-dau --user user --time at --value ms $options --from 2023-07-01 --to 2023-07-02 |
        gn-tocsv --no-header -f date,dau,total_interactions
done
