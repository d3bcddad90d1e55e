#!/usr/bin/env bats
# gn-dau beyond -m: the same bytes as in memory, for every table and for partial states, within the
# cap. What the figures must be, tests/bats/gn-dau.bats checks against sqlite3.
# shellcheck disable=SC2015,SC2030,SC2031

load helper

KINDS="day week month rolling stickiness"

# spilled FILE: this --stats file tells of at least two runs.
spilled() {
    grep -Eq '"spill_runs":([2-9]|[1-9][0-9]+),"spill_bytes":[1-9][0-9]{3}' "$1" || {
        cat "$1" >&2
        return 1
    }
}

# capped COMMAND...: with 16 MiB for the state and 8 for everything else; the address space of a
# sanitized command is no measure.
capped() {
    if [ -n "${GN_SANITIZED:-}" ]; then
        "$@" -m 16M
    else
        prlimit --data=$((24 << 20)) "$@" -m 16M
    fi
}

# agree FILE ARGS...: gn-dau of FILE in memory and spilled, tables and partial states, and their
# merges, to the byte.
agree() {
    local file=$1 k
    shift
    gn-dau -m 1G --stats=in.json --also week=in.week --also month=in.month --also rolling=in.rolling \
        --also stickiness=in.stickiness -o in.day "$@" "$file"
    has "$(cat in.json)" '"spill_runs":0,"spill_bytes":0'
    capped gn-dau --stats=out.json --also week=out.week --also month=out.month \
        --also rolling=out.rolling --also stickiness=out.stickiness -o out.day "$@" "$file"
    spilled out.json
    for k in $KINDS; do
        same in.$k out.$k
    done
    gn-dau -m 1G --partial --stats=in.json -o in.p "$file"
    has "$(cat in.json)" '"spill_runs":0,"spill_bytes":0'
    capped gn-dau --partial --stats=out.json -o out.p "$file"
    spilled out.json
    same in.p out.p
    gn-dau -m 1G --merge --by rolling -o in.m "$@" in.p
    capped gn-dau --merge --by rolling --stats=out.json -o out.m "$@" out.p
    spilled out.json
    is "$(gn-tocsv in.rolling | sha256sum)" "$(gn-tocsv out.m | sha256sum)"
    same in.m out.m
    capped gn-dau --merge --partial --stats=out.json -o out.pp out.p
    spilled out.json
    is "$(gn-tojson in.p | sha256sum)" "$(gn-tojson out.pp | sha256sum)"
}

@test "users of a year" {
    gn-gen --rows 400000 --users 400000 -o a.gn
    agree a.gn
}

@test "users over centuries: blocks, periods and rolling days that meet at their edges" {
    gn-gen --rows 300000 --users 9000 | gn-tocsv | awk -F , -v OFS=, '
        NR > 1 { $2 = sprintf("%04d", 1700 + int(NR * 7919 / 13) % 400) substr($2, 5) } 1' |
        gn-fromcsv -o a.gn
    agree a.gn
}

@test "stray days of all years cost little, and a table of few of them fits" {
    gn-gen --rows 200000 --users 100000 | gn-tocsv | awk -F , -v OFS=, '
        NR > 1 { $2 = sprintf("%04d", 1 + int(NR * 7919 / 13) % 9999) substr($2, 5) } 1' |
        gn-fromcsv -o a.gn
    agree a.gn --from 2000-01-01 --to 2003-12-31
    status 5 gn-dau -m 16M -o d.gn a.gn
    has "$(cat err)" "--from"
    has "$(cat err)" "-m"
    [ ! -e d.gn ]
}

@test "long users, null users and values, and some that begin alike" {
    gn-gen --rows 9000 --users 7000 | gn-tocsv | awk -F , -v OFS=, '
        BEGIN { for (long = "begins-like-this"; length(long) < 5000; ) long = long long }
        NR > 1 { $1 = NR % 50 ? substr(long, 1, 3000 + NR % 2000) $1 : NR % 100 ? "" : $1 }
        NR > 1 && NR % 7 == 0 { $5 = NR % 3 ? "" : -$5 } 1' | gn-fromcsv -o a.gn
    agree a.gn
}

@test "users that are numbers" {
    gn-gen --rows 350000 --users 400000 | gn-tocsv | awk -F , -v OFS=, '
        NR > 1 { $1 = sprintf("%s%.0f", NR % 2 ? "-" : "", substr($1, 2) * 7919 * 7919) } 1' |
        gn-fromcsv --schema user_id:int,timestamp:time,action_type:str,page_id:str,duration_ms:int,app_version:str \
            -o a.gn
    agree a.gn
}

@test "sums of 128 bits come back whole" {
    gn-gen --rows 300000 --users 300000 | gn-tocsv | awk -F , -v OFS=, '
        NR > 1 { $5 = NR % 3 ? "9223372036854775807" : NR % 2 ? 1 : -1 } 1' | gn-fromcsv -o a.gn
    gn-dau -m 1G --partial -o a.p a.gn
    capped gn-dau --partial --stats=s.json -o b.p a.gn
    spilled s.json
    same a.p b.p
    status 3 gn-dau -m 16M --by day a.gn
    has "$(cat err)" "overflows"
}

@test "parts spilled apart and merged are the whole" {
    gn-gen --rows 600000 --users 300000 | gn-dau -m 1G --partial | gn-tojson | sha256sum >want
    for r in 0:250000 250000:300000 300000:600000; do
        gn-gen --rows 600000 --users 300000 --range $r | capped gn-dau --partial -o "$r.p"
    done
    capped gn-dau --merge --partial ./*.p | gn-tojson | sha256sum >got
    same want got
}

@test "--span: touches spill and merge as all else does" {
    gn-gen --rows 400000 --users 300000 | gn-tocsv | awk -F , -v OFS=, '
        NR > 1 { $5 = NR % 3 ? NR * 7919 % 400000000 : $5 } 1' | gn-fromcsv -o a.gn
    local k
    for k in day rolling; do
        gn-dau --span --by $k -m 1G -o in.$k a.gn
        capped gn-dau --span --by $k --stats=s.json -o out.$k a.gn
        spilled s.json
        same in.$k out.$k
    done
    gn-dau --span --partial -m 1G -o in.p a.gn
    [ "$(gn-tocsv -f touches --no-header in.p | grep -vc '^0$')" -gt 100000 ]
    capped gn-dau --span --partial --stats=s.json -o out.p a.gn
    spilled s.json
    same in.p out.p
    capped gn-dau --merge --partial --stats=s.json -o out.pp out.p
    spilled s.json
    is "$(gn-tojson in.p | sha256sum)" "$(gn-tojson out.pp | sha256sum)"
    capped gn-dau --merge --by rolling --stats=s.json -o out.m out.p
    spilled s.json
    is "$(gn-tocsv in.rolling | sha256sum)" "$(gn-tocsv out.m | sha256sum)"
}

@test "no place for temporary files: 5, naming -T" {
    gn-gen --rows 400000 --users 400000 -o a.gn
    for args in "" --partial; do
        # shellcheck disable=SC2086
        status 5 gn-dau $args -m 16M -T nosuch -o d.gn a.gn
        has "$(cat err)" "'nosuch'"
        has "$(cat err)" "-T"
        # shellcheck disable=SC2086
        status 5 gn-dau $args -m 16M -T a.gn -o d.gn a.gn
        # shellcheck disable=SC2086
        GN_TMPDIR=nosuch status 5 gn-dau $args -m 16M -o d.gn a.gn
        # shellcheck disable=SC2086
        GN_TMPDIR=nosuch TMPDIR=nosuch status 0 gn-dau $args -m 16M -T . a.gn
        # As when the place is full: a file cannot grow.
        # shellcheck disable=SC2086
        (trap '' XFSZ && ulimit -f 400 && status 5 gn-dau $args -m 16M -o d.gn a.gn)
        has "$(cat err)" "-T"
        [ ! -e d.gn ]
    done
    mkdir place
    gn-dau -m 16M -T place a.gn >/dev/null
    is "" "$(ls -A place)"
    # Nothing is written where all fits.
    gn-dau -T nosuch a.gn >/dev/null
}

@test "a single user that does not fit: 5, naming -m" {
    { small_csv | sed -n 1p
        echo "$(head -c 20000000 /dev/zero | tr '\0' u),2023-01-01 10:00:00,a,b,1,1.0.0"; } |
        gn-fromcsv -o a.gn
    for args in "" --partial; do
        # shellcheck disable=SC2086
        status 5 gn-dau $args -m 16M -o d.gn a.gn
        has "$(cat err)" "-m"
        [ ! -e d.gn ]
    done
}
