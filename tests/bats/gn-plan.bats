#!/usr/bin/env bats
# gn-plan: sizes, machines, manifests, hot keys, rates, deadlines.

load helper

here=(--cores 4 --memory 8G)

figure() { # NAME OPTION...
    gn-plan --json "${here[@]}" "${@:2}" | jq -r ".figures.$1"
}

@test "the terabyte on ten hosts" {
    status 0 gn-plan --interactions 1T --metadata 100G --cores 16 --memory 64G --hosts 10
    has "$(cat out)" "partitions  8192, because max(2 x 160 cores, 1 TiB / 128 MiB) = max(320, 8192)"
    has "$(cat out)" "jobs        16 on a host, 160 in all, because min(16 cores, 64 GiB / 768 MiB in a pipe) = min(16, 85)"
    has "$(cat out)" "join        partition by partition, -m 768M, because "
    grep -q "^time net  *[0-9]" out
    # One decision a line, each with its arithmetic.
    is "$(wc -l <out)" "$(grep -c '^[a-z ]*  *[^ ].*, because .' out)"
    [ ! -s err ]
}

@test "partitions: two for each core, or by size; jobs by memory" {
    is 8 "$(figure partitions --interactions 1G)"
    is 9 "$(figure partitions --interactions 1073741825)"
    is 8 "$(figure partitions --interactions 0)"
    is 512 "$(figure partitions --interactions 1G --target-size 2M)"
    is 65536 "$(figure partitions --interactions 1000T)"
    is 7 "$(figure partitions --interactions 1G --partitions 7)"
    is 4 "$(figure jobs --interactions 1G)"
    is 2 "$(figure jobs --interactions 1G --memory 3G --filter-memory 512M)"
    is 1 "$(figure jobs --interactions 1G --memory 1M)"
    is 2 "$(figure jobs --interactions 1G --memory 100M --cores 16)"
    is 16777216 "$(figure filter_memory_bytes --interactions 1G --memory 100M --cores 16)"
    is 9 "$(figure jobs --interactions 1G --jobs 9)"
    is 16 "$(figure ranges --interactions 1G)"
    is 256 "$(figure ranges --interactions 1T)"
    is 2 "$(figure metadata_ranges --interactions 1T --metadata 100M)"
}

@test "variables for make and for sh" {
    gn-plan --make --interactions 1G "${here[@]}" -o plan
    is $'PARTITIONS=8\nRANGES=16\nMETADATA_RANGES=1\nJOBS=4\nM1=768M\nM2=384M\nM3=256M' "$(cat plan)"
    is 8 "$(. ./plan && echo "$PARTITIONS")"
    is 8 "$(make -s --eval $'include plan\nall:;@echo $(PARTITIONS)')"
}

@test "the machine is this one unless it is given" {
    cores=$(gn-plan --json --interactions 1G | jq .figures.cores)
    [ "$cores" -ge 1 ] && [ "$cores" -le "$(nproc --all)" ]
    is 1 "$(taskset -c "$(taskset -cp $$ | sed 's/.*[:,-] *//')" gn-plan --json --interactions 1G | jq .figures.cores)"
    total=$(awk '$1 == "MemTotal:" { printf "%.0f", $2 * 1024 }' /proc/meminfo)
    memory=$(gn-plan --json --interactions 1G | jq .figures.memory_bytes)
    [ "$memory" -gt 0 ] && [ "$memory" -le $((total / 2)) ]
    gn-plan --interactions 1G | finds 'disk .*, which fits'
    gn-plan --interactions 1G --temp 1M | finds 'disk .*, which lacks'
    run gn-plan --interactions 1G --temp 1M
    is 0 "$status"
}

@test "hosts: a number, or a list as for parallel --sshlogin" {
    is 40 "$(figure cores --interactions 1G --hosts 10)"
    cat >hosts <<'END'
# two racks
:
8/alpha, me@beta
@fast+new/16/gamma   # the large one
ssh -p 2222 delta

END
    is 36 "$(figure cores --interactions 1G --hosts hosts)"
    is 5 "$(figure hosts --interactions 1G --hosts hosts)"
    is 16 "$(figure jobs_per_host --interactions 1G --hosts hosts)"
    gn-plan --interactions 1G --hosts hosts --cores 4 | finds '5 hosts, 36 cores, because the hosts have 4 to 16'
    printf '# none\n' >empty
    status 3 gn-plan --interactions 1G --hosts empty
    printf '0/alpha\n' >zero
    status 2 gn-plan --interactions 1G --hosts zero
    status 2 gn-plan --interactions 1G --hosts 0
    status 2 gn-plan --interactions 1G --hosts 10001
    status 5 gn-plan --interactions 1G --hosts nosuchfile
    # A slower network takes longer, one host none.
    [ "$(figure network_wall_us --interactions 1T --hosts 10 --network 1G)" -gt \
        "$(figure network_wall_us --interactions 1T --hosts 10 --network 10G)" ]
    is 0 "$(figure network_wall_us --interactions 1T)"
}

@test "files and trees are measured: CSV, compressed, streams" {
    gn-gen --rows 20000 --seed 3 -o e.gn
    gn-tocsv e.gn >e.csv
    zstd -q e.csv
    gn-cat e.gn -o e.gn.zst
    mkdir -p tree/date=1 tree/date=2
    cp e.csv tree/date=1/a.csv
    cp e.csv tree/date=2/b.csv
    bytes=$(stat -c %s e.gn) csv=$(stat -c %s e.csv)
    is "$bytes" "$(figure events_bytes --interactions e.gn)"
    is "$(zstd -dc e.gn.zst | wc -c) 20000" "$(gn-plan --json --interactions e.gn.zst | jq -r '"\(.figures.events_bytes) \(.figures.events_rows)"')"
    # Of others there is an estimate.
    near() { # WANT GOT: within a fifth
        [ "$2" -gt $(($1 * 4 / 5)) ] && [ "$2" -lt $(($1 * 6 / 5)) ]
    }
    near 20000 "$(figure events_rows --interactions e.gn)"
    near 20000 "$(figure events_rows --interactions e.csv)"
    near 40000 "$(figure events_rows --interactions tree)"
    near 20000 "$(figure events_rows --interactions e.csv.zst)"
    is "$csv" "$(figure events_disk_bytes --interactions e.csv)"
    is $((2 * csv)) "$(figure events_disk_bytes --interactions tree)"
    is "$(stat -c %s e.csv.zst)" "$(figure events_disk_bytes --interactions e.csv.zst)"
    gn-plan --interactions tree | finds '^events .* because 2 files of CSV have '
    # Rows and their size say more.
    is 4000000 "$(figure events_bytes --rows 100000 --row-bytes 40)"
    is 800000 "$(figure events_bytes --rows 20000 --row-bytes 40 --interactions e.csv)"
    # One process reads what is compressed.
    is 1 "$(figure ranges --interactions e.csv.zst --ranges 8)"
    mkdir none
    status 3 gn-plan --interactions none
    status 5 gn-plan --interactions nosuchfile
    mkfifo pipe
    status 2 gn-plan --interactions pipe
    head -c 100 e.csv.zst >cut.csv.zst
    status 4 gn-plan --interactions cut.csv.zst
}

@test "a header alone, an empty file" {
    small_csv | sed -n 1p >empty.csv
    : >zero.csv
    for f in empty.csv zero.csv; do
        is 8 "$(figure partitions --interactions $f)"
    done
    gn-fromcsv empty.csv -o empty.gn
    status 0 gn-plan --interactions empty.gn --metadata empty.gn
}

# 16 partitions by hash; half of the events are of one user.
skewed() {
    gn-gen --rows 20000 --users 400 --seed 1 |
        gn-select 'user_id = if(int(hash(page_id)) % 2 = 0, "u000001", user_id), timestamp' |
        gn-partition -k user_id -n 16 -d parts --hot hot.gn
}

@test "a manifest: what is skewed, what is small, with and without hot keys" {
    skewed
    args=(--manifest parts/manifest.gn --target-size 64K "${here[@]}")
    gn-plan "${args[@]}" >plan
    is 16 "$(figure partitions "${args[@]}")"
    is 20000 "$(figure events_rows "${args[@]}")"
    large=$(gn-tocsv -f bytes,path parts/manifest.gn | sort -n | tail -n 1)
    is "${large%,*}" "$(figure largest_bytes "${args[@]}")"
    is 1 "$(grep -c '^split ' plan)"
    has "$(grep '^split ' plan)" "split       ${large#*,} into 3, because "
    grep -q '^merge       part-00.* to part-00.*, because the [0-9]* have ' plan
    # It is one key that makes it large: no split helps, a salt does.
    gn-plan "${args[@]}" --hot hot.gn >plan
    has "$(grep '^split ' plan)" "split       ${large#*,} not, it needs a salt, because "
    has "$(grep '^salt ' plan)" "salt        hot key 1 by "
    # No value of a key is told.
    is "" "$(grep u000001 plan || true)"
    # Two for each core stay.
    is 16 "$(gn-plan --json "${args[@]}" --cores 8 | jq '16 - (.merge | length)')"
}

@test "manifests of several ranges are added up; of other partitions refused" {
    gn-gen --rows 3000 --seed 1 | gn-partition -k user_id -n 4 -d a
    gn-gen --rows 3000 --seed 2 | gn-partition -k user_id -n 4 -d b
    gn-gen --rows 3000 --seed 2 | gn-partition -k user_id -n 5 -d c
    is "6000 4" "$(gn-plan --json --manifest a/manifest.gn --manifest b/manifest.gn |
        jq -r '"\(.figures.events_rows) \(.figures.partitions)"')"
    status 3 gn-plan --manifest a/manifest.gn --manifest c/manifest.gn
    status 3 gn-plan --manifest a/part-0000.gn
    has "$(cat err)" path
    # By ranges of time, and by value, which has no neighbours.
    gn-gen --rows 3000 --seed 1 -o e.gn
    gn-partition --ranges timestamp -n 50 -d d e.gn
    [ "$(gn-plan --json --manifest d/manifest.gn "${here[@]}" | jq '.merge | length')" -ge 1 ]
    gn-partition --by month -d e e.gn
    is 0 "$(gn-plan --json --manifest e/manifest.gn --cores 1 | jq '.merge | length')"
    # Compressed files: by their rows.
    gn-partition -z -k user_id -n 4 -d z e.gn
    is 123000 "$(figure events_bytes --manifest z/manifest.gn)"
}

@test "hot keys: of gn-hotkeys' form, with and without bytes" {
    printf 'user_id,count,bytes\nu1,10,300000000\nu2,5,1\n' | gn-fromcsv -o hot.gn
    is '[3,2]' "$(gn-plan --json --interactions 1G --hot hot.gn "${here[@]}" | jq -c '[.salts[].factor]')"
    printf 'user_id,count\nu1,10000000\n' | gn-fromcsv -o hot.gn
    is '[{"bytes":500000000,"factor":4}]' "$(gn-plan --json --interactions 1G --row-bytes 50 --hot hot.gn \
        "${here[@]}" | jq -c .salts)"
    is 500000000 "$(figure largest_bytes --interactions 1G --row-bytes 50 --hot hot.gn)"
    status 3 gn-plan --interactions 1G --hot hot.gn --user account
    status 3 gn-plan --interactions 1G --hot <(gn-gen --rows 1)
}

@test "the join: broadcast, merge, partition by partition, grace" {
    is none "$(figure join --interactions 1T)"
    is broadcast "$(figure join --interactions 1T --metadata 1G)"
    is partitions "$(figure join --interactions 1T --metadata 100G)"
    is grace "$(figure join --interactions 1G --metadata 100G)"
    gn-gen --rows 1000 | gn-sort -k user_id,timestamp -o e.gn
    gn-gen --table metadata --rows 1000 --users 1000 | gn-sort -k user_id -o m.gn
    gn-gen --table metadata --rows 1000 --users 1000 -o unsorted.gn
    is merge "$(figure join --interactions e.gn --metadata m.gn)"
    is broadcast "$(figure join --interactions e.gn --metadata unsorted.gn)"
    is broadcast "$(figure join --interactions e.gn --metadata m.gn --user country)"
    gn-plan --interactions e.gn --metadata m.gn | finds '^join  *merge, .* in order of the key'
}

@test "deadlines: met, missed, what would do, nothing would" {
    run gn-plan --interactions 300G "${here[@]}" --deadline 2h
    is 1 "$status"
    has "$output" "deadline    missed, because "
    has "$output" " hosts of 4 cores would take "
    hosts=$({ gn-plan --json --interactions 300G "${here[@]}" --deadline 2h || is 1 $?; } |
        jq .figures.hosts_needed)
    [ "$hosts" -gt 1 ]
    status 0 gn-plan --interactions 300G "${here[@]}" --deadline 2h --hosts "$hosts"
    has "$(cat out)" "deadline    met, because "
    run gn-plan --interactions 300G "${here[@]}" --deadline 2h --hosts $((hosts - 1))
    is 1 "$status"
    run gn-plan --interactions 300G "${here[@]}" --deadline 1min
    is 1 "$status"
    has "$output" "no number of such hosts would do"
    run gn-plan --make --interactions 300G "${here[@]}" --deadline 1min
    is 1 "$status"
    is 7 "${#lines[@]}"
}

@test "rates: of a trace, of a calibration; lines that are none are refused" {
    mkdir trace
    gn-gen --model realistic --rows 5000 --users 500 | gn-tocsv >e.csv
    export GN_TRACE=$PWD/trace
    gn-fromcsv e.csv | gn-partition -k user_id -n 2 -d parts
    for p in 0 1; do gn-sort -k user_id,timestamp -o $p.gn parts/part-000$p.gn; done
    unset GN_TRACE
    gn-plan --interactions 1G --rates trace --json >plan
    is '["map gn-fromcsv","map gn-partition","partitions gn-sort"]' \
        "$(jq -c '[.rates.commands[] | .phase + " " + .command]' plan)"
    is "$(gn-fromcsv e.csv | wc -c)" "$(jq .rates.basis_bytes plan)"
    cat trace/*.jsonl >rates.jsonl
    is "$(jq -c .rates plan)" "$(gn-plan --interactions 1G --rates rates.jsonl --json | jq -c .rates)"
    printf '{"command":"gn-cat"}\n' >bad
    status 3 gn-plan --interactions 1G --rates bad
    has "$(cat err)" "'bad': line 1"
    printf 'x\n' >bad
    status 3 gn-plan --interactions 1G --rates bad
    : >bad
    status 3 gn-plan --interactions 1G --rates bad
    status 5 gn-plan --interactions 1G --rates nosuchfile
    # The shortest calibration; nothing of it stays.
    mkdir tmp
    TMPDIR=$PWD/tmp gn-plan --calibrate=1000 -o c.jsonl
    is "" "$(ls -A tmp)"
    gn-plan --rates c.jsonl --interactions 1G | finds '^time '
    status 2 gn-plan --calibrate=999
    status 2 gn-plan --calibrate --interactions 1G
    status 5 gn-plan --calibrate=1000 -T nosuchdir
}

# Processor time, as the machine may have other work: it must lie within a factor of two of what one of
# two calibrations told, one right before and one right after the run.
@test "the time is that of a real run, within a factor of two" {
    gn-gen --model realistic --seed 5 --rows 400000 --users 40000 | gn-tocsv >e.csv
    gn-gen --model realistic --seed 5 --table metadata --rows 40000 --users 40000 | gn-tocsv >m.csv
    gn-plan --calibrate=100000 -o before.jsonl
    mkdir trace sessions rollup
    export GN_TRACE=$PWD/trace
    gn-fromcsv e.csv | gn-partition -k user_id -n 4 -d events
    gn-fromcsv m.csv | gn-partition -k user_id -n 4 -d metadata
    for p in 0000 0001 0002 0003; do
        gn-uniq -k user_id --keep join_date:desc --ties greatest --sort -o members.gn metadata/part-$p.gn
        gn-sort -k user_id,timestamp -o sorted.gn events/part-$p.gn
        gn-sessionize --summary sorted.gn |
            gn-join -k user_id --right-fields country,device_type - members.gn |
            gn-sort -k session_id -o sessions/$p.gn
        gn-dau --partial -o rollup/$p.gn sorted.gn
    done
    gn-dau --merge -o days.gn rollup/*.gn
    gn-merge sessions/*.gn | gn-tocsv -o sessions.csv
    unset GN_TRACE
    gn-plan --calibrate=100000 -o after.jsonl
    real=$(cat trace/*.jsonl | jq -s '[.[].cpu_s] | add * 1e6 | floor')
    for r in before after; do
        told=$(gn-plan --json --interactions e.csv --metadata m.csv --rates $r.jsonl | jq .figures.cpu_us)
        echo "$r: $told us were told, $real were used"
        [ "$told" -gt $((real * 2)) ] || [ "$real" -gt $((told * 2)) ] || return 0
    done
    false
}

@test "every figure as SPEC.md and the page have it" {
    "$PYTHON" "$ORACLE/plan_diff.py" 1 25
}

@test "what cannot be: usage" {
    status 2 gn-plan
    status 2 gn-plan --interactions 1G --json --make
    status 2 gn-plan --interactions 1G --cores 0
    status 2 gn-plan --interactions 1G --target-size 0
    status 2 gn-plan --interactions 1G --filter-memory 1M
    for n in 0 x 1X -5 99999999999T ''; do
        status 2 gn-plan --interactions 1G --network "$n"
    done
    status 2 gn-plan --rows 9223372036854775807 --row-bytes 41
    status 2 gn-plan --interactions 16777215T --metadata 16777215T
    status 5 gn-plan --interactions 1X
}

@test "the plans of the page are what the command says" {
    GN_BIN=$GN_BIN "$ROOT/scripts/sync-man" --check gn-plan
}
