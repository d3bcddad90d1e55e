#!/usr/bin/env bats
# Skew as a whole: what gn-skew(7) shows, and the join before and after.

load helper

@test "gn-skew(7) shows what happens" {
    sed -n '/^\.Bd -literal$/,/^\.Ed$/{/^\./!p;}' "$ROOT/man/gn-skew.7" | sed 's/\\e/\\/g' >wanted
    [ -s wanted ]
    # Each line that begins with "$ " is a command; show it, then run it.
    sed -n 's/^\$ //p' wanted | while IFS= read -r line; do
        printf 'printf "%%s\\n" %q\n{ %s; } 2>&1\n' "\$ $line" "$line"
    done >script
    bash script >got || true # the last command is refused
    same wanted got
}

@test "join-compare: the same records of both; parts that are skewed before are not after" {
    SIZE=20K RUNS=1 JOBS=2 PARTITIONS=6 M=16M "$ROOT/pipelines/join-compare" out >shown
    awk '/^largest part/ { if ($5 < 3 || $6 > 2) exit 1; found = 1 } END { exit !found }' shown
    # the records, by awk: a user's last row by join_date, where there are not two
    awk -F, 'NR > 1 { d[$1] = d[$1] > $2 ? d[$1] : $2; n[$1, $2]++; v[$1, $2] = $3 "," $5 }
        END { for (u in d) if (n[u, d[u]] == 1) print u "," v[u, d[u]]; else print u ",?,?" }' \
        out/data/metadata >last
    gn-fromcsv --where 'action_type in ("edit", "create") and duration_ms between 0 and 28800000' \
        -f user_id,timestamp,action_type,duration_ms out/data/interactions | gn-tocsv --no-header |
        awk -F, 'NR == FNR { v[$1] = $2 "," $3; next } { print $0 "," ($1 in v ? v[$1] : ",") }' last - |
        grep -v '?' | sort >want
    [ "$(wc -l <want)" -gt 3000 ]
    for name in naive optimised; do
        gn-cat out/$name/joined/*.gn | gn-tocsv --no-header | sort >got
        is "" "$(comm -23 want got)" "$name lacks records"
    done
}

@test "join-compare refuses what cannot be" {
    for v in SIZE=x SIZE=0 RUNS=0 JOBS=many PARTITIONS=-1; do
        got=0
        env "$v" "$ROOT/pipelines/join-compare" out 2>err || got=$?
        is 2 "$got"
        has "$(cat err)" "join-compare: error: ${v%=*}"
    done
    got=0
    env SIZE=20 M=1M RUNS=1 "$ROOT/pipelines/join-compare" out >shown 2>err || got=$?
    is 5 "$got"
    has "$(cat err)" "-m"
}
