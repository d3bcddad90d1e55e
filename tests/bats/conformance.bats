#!/usr/bin/env bats
# What every command owes its user, asked of all of them: each test loops over the commands there
# are. A new command that needs arguments of its own gets a line in the table below.

# shellcheck disable=SC2015,SC2030,SC2031

load helper

# kind COMMAND: what it reads: stream, csv, json, input (a stream, on standard input
# alone), files (a stream, and it writes into a directory of its own) or none. prints COMMAND: text, or else a stream.
kind() {
    case $1 in
    gn-fromcsv) echo csv ;;
    gn-fromjson) echo json ;;
    gn-tee | gn-join) echo input ;;
    gn-partition) echo files ;;
    gn-gen | gn-plan) echo none ;;
    *) echo stream ;;
    esac
}

prints() {
    case $1 in
    gn-tocsv | gn-tojson | gn-view | gn-info | gn-plan) echo text ;;
    *) echo stream ;;
    esac
}

# Arguments without which a command does nothing, or with which it reads all of its input: args.
set_args() {
    case $1 in
    gn-gen) args=(--rows 9) ;;
    gn-plan) args=(--interactions 1T --cores 4 --memory 16G) ;;
    gn-fromjson) args=(--schema interactions) ;;
    gn-head | gn-view | gn-tail) args=(-n 99999999) ;;
    gn-where) args=('1 = 1') ;;
    gn-select) args=(-f '*') ;;
    gn-sample) args=(--rate 1) ;;
    gn-sort) args=(-k user_id) ;;
    gn-partition) args=(-d "$BATS_TEST_TMPDIR/parts" --by date -k user_id -n 2 --manifest -) ;;
    gn-join) args=(-k "user_id,timestamp" --suffix _r "$SAMPLES/empty.gn") ;;
    gn-salt) args=(--hot "$SAMPLES/hot.gn") ;;
    gn-agg) args=(-k user_id -a 'count(), first(user_id)') ;;
    gn-anova) args=(-g user_id) ;;
    gn-corr) args=("timestamp,duration_ms") ;;
    gn-cohort) args=(--cohort first-seen) ;;
    gn-pctl) args=(-k user_id --by day) ;;
    *) args=() ;;
    esac
}

# with KIND...: the commands that read one of these.
with() {
    local c
    for c in $(commands); do
        case " $* " in *" $(kind "$c") "*) echo "$c" ;; esac
    done
}

setup_file() {
    export SAMPLES=$BATS_FILE_TMPDIR
    "$PYTHON" "$ORACLE/conform.py" samples "$SAMPLES"
    small_csv >"$SAMPLES/good.csv"
    small_csv | sed -n 1p >"$SAMPLES/empty.csv"
    : >"$SAMPLES/zero.csv"
    for _ in $(seq 3000); do small_csv | tail -n +2; done | cat <(small_csv) - >"$SAMPLES/many.csv"
    for f in good empty many; do
        "$PYTHON" -c 'import csv, json, sys
for r in csv.DictReader(sys.stdin):
    print(json.dumps({k: (int(v) if k == "duration_ms" else v) if v else None for k, v in r.items()}))
' <"$SAMPLES/$f.csv" >"$SAMPLES/$f.json"
    done
}

# Looking for leaks takes a sanitized process as long as all else does: where the same things are tried
# on every command it is left to those tests that read good input, and to samples of the damaged.
setup() {
    bad=0
    [ -n "$(commands)" ]
    case $BATS_TEST_DESCRIPTION in
    "good input"*) ;;
    *) export ASAN_OPTIONS=detect_leaks=0 ;;
    esac
}

# good_input COMMAND [NAME]: the file to feed it (or nothing for one that reads none).
good_input() {
    case $(kind "$1") in
    csv | json) echo "$SAMPLES/${2:-good}.$(kind "$1")" ;;
    stream | input | files) echo "$SAMPLES/${2:-good}.gn" ;;
    none) echo /dev/null ;;
    esac
}

# ends WANT COMMAND...: like status, but goes on: the test fails at its end.
ends() {
    local want=$1 got=0 w
    shift
    timeout 20 "$@" >out 2>err || got=$?
    for w in $want; do
        if [ "$got" = "$w" ]; then
            case $got in 0 | 1 | 141) return 0 ;; esac
            one_error err || complain "$@"
            return 0
        fi
    done
    { echo "status $got, not $want"; head -c 1000 err; } >&2
    complain "$@"
}

complain() {
    echo "  in: $*" >&2
    bad=$((bad + 1))
}

verdict() {
    [ "$bad" = 0 ]
}

# fails_stream FILE: a stream that ends with a fail trailer.
fails_stream() {
    local got=0
    "$PYTHON" "$ORACLE/gnstream.py" "$1" >/dev/null 2>err.decoder || got=$?
    [ "$got" = 4 ] || { cat err.decoder >&2; return 1; }
}

@test "--help: on standard output, with 0, naming the command and every option of its table" {
    for c in $(commands); do
        for h in --help -h; do
            ends 0 "$c" $h
            [ ! -s err ] && grep -q "^usage: $c" out && grep -q -- --version out || complain "$c" $h
        done
        [ "$("$c" --help=mdoc | grep -c '^\.It ')" -ge 4 ] || complain "$c" --help=mdoc
        # Help wins over whatever else is there.
        ends 0 "$c" --help nosuchfile
    done
    verdict
}

@test "--version: on standard output, the same number everywhere" {
    for c in $(commands); do
        ends 0 "$c" --version
        grep -Eqx "$c [0-9]+\.[0-9]+\.[0-9]+" out || complain "$c" --version
        cut -d ' ' -f 2 out >>versions
    done
    is 1 "$(sort -u versions | wc -l)"
    verdict
}

@test "unknown options, abbreviations, arguments too many or too few: 2" {
    for c in $(commands); do
        for o in --nosuch --nosuch=1 -@ --hel --versio --help=nosuch --version=1 --stats= --max-record \
            --max-record=x --max-record=0 --max-record=1P; do
            [ "$o" = --stats= ] && continue
            ends 2 "$c" "$o" </dev/null
            grep -q . out && [ "$(prints "$c")" = text ] && complain "$c" "$o: something on stdout"
        done
        [ "$(kind "$c")" != none ] || ends 2 "$c" nosuchfile
    done
    verdict
}

@test "unknown fields: 3 (or 2), the name quoted, what there is listed" {
    for c in $(with stream csv json); do
        set_args "$c"
        for o in fields user time value key; do
            "$c" --help | finds -- "--$o" || continue
            ends "2 3" "$c" "${args[@]}" "--$o" nosuch "$(good_input "$c")"
            grep -q "'nosuch'" err && grep -q timestamp err || complain "$c --$o: $(cat err)"
        done
        for o in where active; do
            "$c" --help | finds -- "--$o" || continue
            ends "2 3" "$c" "${args[@]}" "--$o" "nosuch > 1" "$(good_input "$c")"
            grep -q "nosuch" err || complain "$c --$o: $(cat err)"
            ends 2 "$c" "${args[@]}" "--$o" "duration_ms >" "$(good_input "$c")"
            ends 2 "$c" "${args[@]}" "--$o" "(((" "$(good_input "$c")"
        done
    done
    verdict
}

@test "good input, by name, as -, and on standard input: 0, the same bytes, nothing on stderr" {
    for c in $(with stream csv json); do
        set_args "$c"
        in=$(good_input "$c")
        ends 0 "$c" "${args[@]}" "$in"
        [ ! -s err ] || complain "$c: $(cat err)"
        cp out first
        ends 0 "$c" "${args[@]}" <"$in"
        [ "$c" = gn-info ] || same first out || complain "$c by standard input"
        ends 0 "$c" "${args[@]}" - <"$in"
        [ "$c" = gn-info ] || same first out || complain "$c by -"
        ends 0 "$c" "${args[@]}" -- "$in"
        same first out || complain "$c after --"
        ends 0 "$c" "${args[@]}" < <(head -c 10 "$in"; sleep 0.02; tail -c +11 "$in")
        [ "$c" = gn-info ] || same first out || complain "$c by a slow pipe"
        if [ "$(prints "$c")" = stream ]; then
            records first >/dev/null || complain "$c: not a valid stream"
        fi
    done
    for c in $(with none); do
        set_args "$c"
        ends 0 "$c" "${args[@]}" && cp out first
        ends 0 "$c" "${args[@]}" && same first out || complain "$c twice"
        [ "$(prints "$c")" = text ] || records first >/dev/null || complain "$c: not a valid stream"
    done
    verdict
}

@test "zero bytes: 4, for CSV 3" {
    for c in $(with stream); do
        set_args "$c"
        ends 4 "$c" "${args[@]}" "$SAMPLES/zero.gn"
        ends 4 "$c" "${args[@]}" </dev/null
    done
    for c in $(with csv json); do
        ends 3 "$c" "$SAMPLES/zero.csv"
        ends 3 "$c" </dev/null
    done
    verdict
}

@test "a header alone: an empty result with its schema and 0" {
    for c in $(with stream csv json); do
        set_args "$c"
        ends 0 "$c" "${args[@]}" "$(good_input "$c" empty)"
        [ ! -s err ] || complain "$c: $(cat err)"
        if [ "$(prints "$c")" = stream ]; then
            records out >recs || complain "$c: not a valid stream"
            [ ! -s recs ] || complain "$c: records from nothing"
            "$PYTHON" "$ORACLE/gnstream.py" --header out | finds '"fields": \[\["' ||
                complain "$c: no schema"
        fi
    done
    verdict
}

@test "streams cut short, or without trailer: 4" {
    for c in $(with stream); do
        set_args "$c"
        for f in cut headonly no-trailer; do
            ends 4 "$c" "${args[@]}" "$SAMPLES/$f.gn"
            ends 4 "$c" "${args[@]}" <"$SAMPLES/$f.gn"
            [ "$(prints "$c")" = text ] || fails_stream out || complain "$c, output for $f"
        done
        [ "$(prints "$c")" = stream ] && s=1 || s=0
        "$PYTHON" "$ORACLE/conform.py" cuts "$SAMPLES/good.gn" "$s" -- "$c" "${args[@]}" ||
            bad=$((bad + 1))
    done
    verdict
}

@test "any one bit flipped: 3 or 4" {
    for c in $(with stream); do
        set_args "$c"
        [ "$(prints "$c")" = stream ] && s=1 || s=0
        "$PYTHON" "$ORACLE/conform.py" flips "$SAMPLES/good.gn" "$s" -- "$c" "${args[@]}" ||
            bad=$((bad + 1))
    done
    verdict
}

@test "any one bit flipped in a stream with cover, sources and provenance: 3 or 4" {
    gn-fromcsv "$SAMPLES/good.csv" -o all.gn
    gn-head -n 2 all.gn | gn-cat -o in.gn
    records in.gn
    "$PYTHON" "$ORACLE/conform.py" flips in.gn 1 -- gn-cat
}

@test "wrong counts, checksums, records, types; what follows the end: 4" {
    for c in $(with stream); do
        set_args "$c"
        for f in miscount missum junk-after short-record huge-claim deep; do
            ends 4 "$c" "${args[@]}" "$SAMPLES/$f.gn"
        done
        # Those that only pass records on need not look into them.
        case $c in
        gn-tocsv | gn-tojson | gn-view | gn-dau) ends 4 "$c" "${args[@]}" "$SAMPLES/wrong-type.gn" ;;
        esac
    done
    verdict
}

@test "foreign bytes, a later format, a key that must be understood: 3" {
    for c in $(with stream); do
        set_args "$c"
        for f in "$SAMPLES"/foreign-*.gn "$SAMPLES/version.gn" "$SAMPLES/must-know.gn" "$0" \
            "$(command -v bash)"; do
            ends 3 "$c" "${args[@]}" "$f"
        done
        ends 0 "$c" "${args[@]}" "$SAMPLES/may-know.gn"
    done
    for c in $(with csv json); do
        for f in "$SAMPLES/good.gn" "$SAMPLES/foreign-zeros.gn" "$SAMPLES/foreign-png.gn" \
            "$(command -v bash)"; do
            ends 3 "$c" "$f"
        done
    done
    verdict
}

@test "an unknown header key is carried on by those that pass records" {
    for c in gn-cat gn-head gn-tail; do
        "$c" "$SAMPLES/may-know.gn" >out
        "$PYTHON" "$ORACLE/gnstream.py" --header out >header
        grep -qF '"future": [1, {"a": null}]' header || complain "$c: $(cat header)"
    done
    verdict
}

@test "a full device: 5, also for --help and --version" {
    for c in $(commands); do
        set_args "$c"
        in=$(good_input "$c")
        for a in --help --version; do
            got=0
            "$c" $a >/dev/full 2>err || got=$?
            [ $got = 5 ] && one_error err || complain "$c $a >/dev/full: $got"
        done
        got=0
        timeout 20 "$c" "${args[@]}" <"$in" >/dev/full 2>err || got=$?
        [ $got = 5 ] && one_error err || complain "$c >/dev/full: $got"
        "$c" --help | finds -- --output || continue
        got=0
        timeout 20 "$c" "${args[@]}" -o /dev/full <"$in" 2>err || got=$?
        [ $got = 5 ] && one_error err || complain "$c -o /dev/full: $got"
        [ -c /dev/full ] || complain "$c replaced /dev/full"
    done
    verdict
}

@test "standard output closed: 5" {
    for c in $(commands); do
        set_args "$c"
        got=0
        timeout 20 "$c" "${args[@]}" <"$(good_input "$c")" 2>err >&- || got=$?
        [ $got = 5 ] || complain "$c: $got"
    done
    verdict
}

@test "a missing file, a directory, no permission, a missing directory for -o: 5, the name quoted" {
    mkdir dir
    : >secret
    chmod 0 secret
    for c in $(with stream csv json); do
        set_args "$c"
        ends 5 "$c" "${args[@]}" nosuchfile
        grep -q "'nosuchfile'" err || complain "$c: $(cat err)"
        ends 5 "$c" "${args[@]}" "$(good_input "$c")" nosuchfile
        if [ "$(kind "$c")" = stream ]; then
            [ "$c" = gn-cat ] || ends 5 "$c" "${args[@]}" dir # it reads directories: this one is empty
            [ "$c" != gn-cat ] || ends 3 "$c" dir
            ends 5 "$c" "${args[@]}" <dir
        else
            ends "3 5" "$c" dir
        fi
        [ "$(id -u)" = 0 ] || ends 5 "$c" "${args[@]}" secret
    done
    for c in $(commands); do
        [ "$(kind "$c")" != files ] || continue
        set_args "$c"
        ends 5 "$c" "${args[@]}" -o nosuchdir/x <"$(good_input "$c")"
        grep -q "'nosuchdir/x'" err || complain "$c: $(cat err)"
        ends 5 "$c" "${args[@]}" -o dir <"$(good_input "$c")"
        [ -d dir ] || complain "$c replaced a directory"
    done
    verdict
}

@test "nobody reads standard output: dies of SIGPIPE, silently" {
    for c in $(commands); do
        set_args "$c"
        [ "$c" != gn-gen ] || args=(--rows 200000)
        "$PYTHON" "$ORACLE/conform.py" closed "$(good_input "$c" many)" -- "$c" "${args[@]}" ||
            bad=$((bad + 1))
    done
    verdict
}

@test "a reader that leaves early: 141 upstream, silently" {
    for c in $(commands); do
        case $c in # short
        gn-agg | gn-anomaly | gn-anova | gn-cohort | gn-corr | gn-dau | gn-hotkeys | gn-info) continue ;;
        gn-partition | gn-pctl | gn-plan | gn-powerusers | gn-uniq) continue ;;
        esac
        set_args "$c"
        [ "$c" != gn-gen ] || args=(--rows 2000000)
        got=0
        { timeout 20 "$c" "${args[@]}" 2>err || echo $? >rc; } <"$(good_input "$c" many)" |
            head -c 1 >/dev/null
        [ ! -s err ] && is 141 "$(cat rc)" "$c" || complain "$c: $(cat err)"
        rm -f rc
    done
    verdict
}

@test "a fail trailer on the input: passed on in silence, 4" {
    for c in $(with stream); do
        set_args "$c"
        for f in failed failed-first failed-later; do
            got=0
            timeout 20 "$c" "${args[@]}" "$SAMPLES/$f.gn" >out 2>err || got=$?
            [ $got = 4 ] && [ ! -s err ] || complain "$c $f: status $got, $(cat err)"
            [ "$(prints "$c")" = text ] || fails_stream out || complain "$c $f: output"
            got=0
            timeout 20 "$c" "${args[@]}" -o whole "$SAMPLES/$f.gn" 2>err || got=$?
            [ $got = 4 ] && [ ! -e whole ] && [ ! -s err ] || complain "$c $f -o: status $got"
            timeout 20 "$c" -v "${args[@]}" "$SAMPLES/$f.gn" 2>err >/dev/null || true
            grep -q gn-x err || complain "$c $f -v does not tell: $(cat err)"
        done
    done
    verdict
}

@test "failing leaves a fail trailer downstream" {
    for c in $(with stream csv json); do
        [ "$(prints "$c")" = stream ] || continue
        set_args "$c"
        ends 5 "$c" "${args[@]}" nosuchfile
        fails_stream out || complain "$c nosuchfile"
        ends 2 "$c" --nosuch
        fails_stream out || complain "$c --nosuch"
    done
    # Through a pipe only the first in it speaks.
    got=0
    gn-fromcsv nosuchfile.csv 2>err1 | gn-head 2>err2 | gn-cat 2>err3 | gn-tocsv 2>err4 >out || got=$?
    is 4 $got
    one_error err1
    is "" "$(cat err2 err3 err4 out)"
    verdict
}

@test "-o: whole or absent, no scraps, what was there before stays when failing" {
    mkdir d
    for c in $(with stream csv json); do
        set_args "$c"
        in=$(good_input "$c")
        if [ "$(kind "$c")" = csv ]; then
            bads=("$SAMPLES/zero.csv" nosuchfile "$SAMPLES/good.gn")
            { cat "$in"; echo 'u1,not a time,,,,'; } >bad.csv
            bads+=(bad.csv)
        elif [ "$(kind "$c")" = json ]; then
            { cat "$in"; echo '{"timestamp":"not a time"}'; } >bad.json
            bads=(nosuchfile "$SAMPLES/good.gn" bad.json)
        else
            bads=("$SAMPLES/cut.gn" "$SAMPLES/zero.gn" "$SAMPLES/foreign-text.gn" "$SAMPLES/missum.gn"
                "$SAMPLES/failed.gn" nosuchfile)
        fi
        for b in "${bads[@]}"; do
            rm -rf d && mkdir d
            timeout 20 "$c" "${args[@]}" -o d/x "$b" >/dev/null 2>&1 && complain "$c $b passed"
            is "" "$(ls -A d)" || complain "$c $b left something"
            echo old >d/x
            timeout 20 "$c" "${args[@]}" -o d/x "$b" >/dev/null 2>&1 && complain "$c $b passed"
            is "x old" "$(ls -A d) $(cat d/x)" || complain "$c $b touched what was there"
        done
        rm -rf d && mkdir d && echo old >d/x && chmod 640 d/x
        ends 0 "$c" "${args[@]}" -o d/x "$in"
        is x "$(ls -A d)" || complain "$c left more than its output"
        [ ! -s out ] || complain "$c -o writes to standard output as well"
        ends 0 "$c" "${args[@]}" "$in"
        [ "$c" = gn-info ] || same out d/x || complain "$c -o says something else"
        # Its own input as output: whole or absent too.
        cp "$in" d/y
        ends 0 "$c" "${args[@]}" -o d/y d/y
        [ "$c" = gn-info ] || same d/x d/y || complain "$c -o over its input"
    done
    verdict
}

@test "-o: a signal leaves nothing" {
    mkdir d
    for c in $(with stream csv json); do
        set_args "$c"
        in=$(good_input "$c" many)
        for sig in TERM INT HUP; do
            rm -f fifo && mkfifo fifo
            # Bash starts background jobs with SIGINT ignored; env sets it back.
            env --default-signal=INT "$c" "${args[@]}" -o d/x <fifo 2>err &
            pid=$!
            exec 7>fifo
            head -c 5000 "$in" >&7
            sleep 0.05
            kill -s $sig $pid
            exec 7>&-
            got=0
            wait $pid || got=$?
            [ $got -gt 128 ] || complain "$c SIG$sig: status $got, $(cat err)"
            is "" "$(ls -A d)" || complain "$c SIG$sig left something"
            rm -rf d && mkdir d
        done
    done
    verdict
}

@test "-o: a FIFO is written, not replaced; a link's target is replaced or the link, never half" {
    mkfifo fifo
    for c in $(with stream csv json); do
        set_args "$c"
        timeout 20 "$c" "${args[@]}" "$(good_input "$c")" >want
        cat fifo >got &
        ends 0 "$c" "${args[@]}" -o fifo "$(good_input "$c")"
        wait
        [ -p fifo ] || complain "$c replaced a FIFO"
        [ "$c" = gn-info ] || same want got || complain "$c -o fifo"
    done
    verdict
}

@test "two segments, in one file or in two" {
    for c in $(with stream); do
        set_args "$c"
        ends 0 "$c" "${args[@]}" "$SAMPLES/two.gn"
        cp out first
        [ "$(prints "$c")" = text ] || records out >/dev/null || complain "$c: not valid"
        tail -c +$(($(stat -c %s "$SAMPLES/good.gn") + 1)) "$SAMPLES/two.gn" >second.gn
        ends 0 "$c" "${args[@]}" "$SAMPLES/good.gn" second.gn
        [ "$c" = gn-info ] || same first out || complain "$c: two files differ from one"
    done
    is "$(cat "$SAMPLES/good.gn" second.gn | gn-tocsv | wc -l)" 5
    verdict
}

@test "segments of different fields: refused with 3, or taken one by one" {
    gn-gen --rows 3 --table metadata >meta.gn
    for c in $(with stream); do
        set_args "$c"
        ends "0 3" "$c" "${args[@]}" "$SAMPLES/good.gn" meta.gn
    done
    ends 3 gn-tocsv "$SAMPLES/good.gn" meta.gn
    ends 3 gn-dau "$SAMPLES/good.gn" meta.gn
    verdict
}

@test "compressed input is found by content, damaged or cut it is 4" {
    for c in $(with stream csv json); do
        set_args "$c"
        in=$(good_input "$c" many)
        timeout 20 "$c" "${args[@]}" "$in" >want
        zstd -q -c "$in" >in.zst
        ends 0 "$c" "${args[@]}" in.zst
        case $c in gn-info) ;; *) same want out || complain "$c differs on .zst" ;; esac
        head -c -1 in.zst >cut.zst
        ends 4 "$c" "${args[@]}" cut.zst
        head -c "$(($(wc -c <in.zst) / 2))" in.zst >cut.zst
        ends 4 "$c" "${args[@]}" <cut.zst
        { head -c 3000 in.zst; printf 'XXXX'; tail -c +3005 in.zst; } >damaged.zst
        ends 4 "$c" "${args[@]}" damaged.zst
        # Frames one after the other, and a skippable one between.
        { zstd -q -c <(head -c 1000 "$in"); printf '\x50\x2a\x4d\x18\x03\0\0\0abc'
            zstd -q -c <(tail -c +1001 "$in"); } >frames.zst
        ends 0 "$c" "${args[@]}" frames.zst
        case $c in gn-info) ;; *) same want out || complain "$c differs on frames" ;; esac
    done
    verdict
}

@test "-z and .zst: zstd reads it, the content is the same" {
    mkdir d
    for c in $(commands); do
        [ "$(kind "$c")" != files ] || continue # they have no -o
        set_args "$c"
        in=$(good_input "$c" many)
        timeout 20 "$c" "${args[@]}" <"$in" >want
        for how in "-z -o d/o.zst" "--zstd=3 -o d/o" "-o d/o.zst"; do
            # shellcheck disable=SC2086
            ends 0 "$c" "${args[@]}" $how <"$in"
            zstd -q -dc d/* >got || complain "$c $how"
            [ "$c" = gn-info ] || same want got || complain "$c $how"
            rm -f d/*
        done
        ends 2 "$c" "${args[@]}" --zstd=99 <"$in"
        ends 2 "$c" "${args[@]}" --zstd=x <"$in"
    done
    verdict
}

@test "a terminal: binary is refused with 2, text is not; a stream is not typed by hand" {
    need_terminal
    for c in $(commands); do
        set_args "$c"
        [ "$(prints "$c")" = stream ] && want=2 || want=0
        got=0
        "$PYTHON" "$ORACLE/conform.py" tty out -- "$c" "${args[@]}" "$(good_input "$c")" 2>err || got=$?
        [ "$(kind "$c")" != none ] || {
            got=0
            "$PYTHON" "$ORACLE/conform.py" tty out -- "$c" "${args[@]}" 2>err || got=$?
        }
        is "$want" "$got" "$c to a terminal" || complain "$c"
        [ "$want" = 0 ] || grep -q gn-view err || complain "$c: $(cat err)"
        [ "$(kind "$c")" = stream ] || continue
        got=0
        "$PYTHON" "$ORACLE/conform.py" tty in -- "$c" "${args[@]}" 2>err || got=$?
        is 2 $got "$c from a terminal" || complain "$c"
    done
    verdict
}

@test "--stats: one JSON object, on stderr or in a file; the counts are true" {
    for c in $(commands); do
        set_args "$c"
        in=$(good_input "$c" good)
        ends 0 "$c" "${args[@]}" --stats=stats.json <"$in"
        [ ! -s err ] || complain "$c: $(cat err)"
        ends 0 "$c" "${args[@]}" --stats <"$in"
        for f in stats.json err; do
            "$PYTHON" - "$c" $f <<'END' || complain "$c --stats: $(cat $f)"
import json, sys
text = open(sys.argv[2]).read()
o = json.loads(text)
assert text.count("\n") == 1 and o["command"] == sys.argv[1] and o["status"] == 0
n = {"gn-fromcsv": 8, "gn-fromjson": 8, "gn-gen": 0, "gn-plan": 0}.get(sys.argv[1], 3)
assert o["records_in"] == n, o
END
        done
        rm -f stats.json
    done
    verdict
}

@test "GN_TRACE: one line a command, also when it fails" {
    mkdir trace
    mapfile -t names < <(with stream csv json)
    for c in "${names[@]}"; do
        set_args "$c"
        GN_TRACE=trace timeout 20 "$c" "${args[@]}" "$(good_input "$c")" >/dev/null
        GN_TRACE=trace timeout 20 "$c" "${args[@]}" nosuchfile >/dev/null 2>&1 || true
    done
    cat trace/* | "$PYTHON" -c '
import json, sys
o = [json.loads(line) for line in sys.stdin]
assert {x["status"] for x in o} == {0, 5}, o
for c in sys.argv[1:]:
    assert sorted(x["status"] for x in o if x["command"] == c) == [0, 5], c
' "${names[@]}"
}

@test "messages hold no values of the data" {
    { cat "$SAMPLES/good.csv"; echo 'u1,SECRETVALUE,a,b,1,c'; } >t.csv
    { cat "$SAMPLES/good.csv"; echo 'u1,2023-01-01 00:00:00,a,b,SECRETVALUE,c'; } >d.csv
    { cat "$SAMPLES/good.csv"; echo 'SECRETVALUE,SECRETVALUE,a'; } >r.csv
    for f in t.csv d.csv r.csv; do
        ends 3 gn-fromcsv $f
        grep -q SECRETVALUE err && complain "gn-fromcsv $f: $(cat err)"
        grep -q "'$f'" err && grep -Eq '\b(10|line 10|row)\b' err || complain "gn-fromcsv $f: $(cat err)"
    done
    verdict
}

@test "two runs, one set of bytes; no file left anywhere" {
    mkdir tmp
    for c in $(with stream csv json); do
        set_args "$c"
        in=$(good_input "$c" many)
        TMPDIR=$PWD/tmp ends 0 "$c" "${args[@]}" "$in"
        cp out first
        TMPDIR=$PWD/tmp ends 0 "$c" "${args[@]}" "$in"
        same first out || complain "$c"
        is "" "$(ls -A tmp)" || complain "$c left temporary files"
    done
    verdict
}
