#!/usr/bin/env bats
# gn-tee: the very bytes everywhere; who closes early is let go; who fails is told of; all or nothing.

load helper

# status_in WANT IN COMMAND...: status, with a file as standard input.
status_in() {
    local want=$1 in=$2
    shift 2
    status "$want" "$@" <"$in"
}
ends_failed() { # FILE: a stream that ends with a fail trailer
    local got=0
    "$PYTHON" "$ORACLE/gnstream.py" "$1" >/dev/null 2>&1 || got=$?
    is 4 "$got" "$1"
}
counter() { "$PYTHON" -c 'import json, sys; print(json.load(open("s"))["counters"][sys.argv[1]])' "$1"; }

setup_file() {
    export SAMPLES=$BATS_FILE_TMPDIR
    "$PYTHON" "$ORACLE/conform.py" samples "$SAMPLES"
    gn-gen --rows 50000 -o "$SAMPLES/big.gn"
}

@test "the bytes as they are, to standard output, files and commands" {
    cat "$SAMPLES/good.gn" "$SAMPLES/may-know.gn" >mixed.gn
    for f in good two empty may-know many big; do
        cp "$SAMPLES/$f.gn" $f.gn
    done
    for f in good two empty may-know many mixed big; do
        status_in 0 $f.gn gn-tee a.gn b.gn.zst --to 'cat >c.gn' --to 'gn-cat -o d.gn' --stats=s
        for o in out a.gn c.gn; do same $f.gn $o; done
        zstd -qdc b.gn.zst | cmp - $f.gn
        is "$(gn-tojson $f.gn | md5sum)" "$(gn-tojson d.gn | md5sum)"
        is "2 2 0" "$(counter branches) $(counter files) $(counter closed_early)"
        rm -f a.gn b.gn.zst c.gn d.gn
        zstd -q -c $f.gn | gn-tee >out
        same $f.gn out
    done
    gn-tee a.gn --to 'cat >c.gn' -o o.gn <two.gn >out
    for o in a.gn c.gn o.gn; do same two.gn $o; done
    [ ! -s out ]
}

@test "bytes that are not canonical stay as they are" {
    PYTHONPATH=$ORACLE "$PYTHON" - <<'END'
import gnstream, xxhash
data = gnstream.pack({"gn": 1, "fields": [["a", "int"]]}) + b"\x91\xd3" + bytes(7) + b"\x05" + b"\xdc\x00\x01\xcd\x00\x07"
data += b"\x82\xa3end\x02\xa4xxh3"
open("a.gn", "wb").write(data + b"\xcf" + xxhash.xxh3_64_digest(data))
END
    is $'{"a":5}\n{"a":7}' "$(gn-tojson a.gn)"
    gn-tee b.gn --to 'cat >c.gn' <a.gn >out
    for o in b.gn c.gn out; do same a.gn $o; done
}

@test "who closes early is let go and counted" {
    status_in 0 "$SAMPLES/big.gn" gn-tee a.gn --stats=s --to 'head -c 1 >h' --to ': ' --to 'gn-head -n 3 -o t.gn'
    for o in out a.gn; do same "$SAMPLES/big.gn" $o; done
    is 3 "$(counter closed_early)"
    is 1 "$(wc -c <h)"
    is 3 "$(gn-tocsv --no-header t.gn | wc -l)"
    # standard output too, while somebody else reads on
    gn-tee a.gn --to 'cat >c.gn' --stats=s <"$SAMPLES/big.gn" | head -c 1 >h
    is "0 0" "${PIPESTATUS[*]}"
    for o in a.gn c.gn; do same "$SAMPLES/big.gn" $o; done
    is 1 "$(counter closed_early)"
    # a FIFO as a file
    mkfifo fifo
    head -c 1 <fifo >h &
    status_in 0 "$SAMPLES/big.gn" gn-tee fifo --to 'cat >c.gn' --stats=s
    wait
    for o in out c.gn; do same "$SAMPLES/big.gn" $o; done
    is 1 "$(counter closed_early)"
    # nobody at all
    got=0
    { gn-tee --to 'head -c 1 >h' <"$SAMPLES/big.gn" 2>err || echo $? >rc; } | head -c 1 >h2
    is 141 "$(cat rc)"
    [ ! -s err ]
    # what a command fed had enough of: that is closed early, too
    status_in 0 "$SAMPLES/big.gn" gn-tee --to 'kill -PIPE $$' --stats=s
    is 1 "$(counter closed_early)"
}

@test "a command that fails: 5, its status told, no file, and downstream hears of it" {
    for f in good big; do
        for c in 'cat >/dev/null; exit 3' 'exit 3' 'head -c 1 >/dev/null; exit 3'; do
            echo old >b.gn
            status_in 5 "$SAMPLES/$f.gn" gn-tee a.gn b.gn --to 'cat >/dev/null' --to "$c"
            has "$(cat err)" "failed with status 3"
            has "$(cat err)" "exit 3"
            [ ! -e a.gn ]
            is old "$(cat b.gn)"
            ends_failed out
        done
    done
    status_in 5 "$SAMPLES/good.gn" gn-tee --to 'kill -9 $$'
    has "$(cat err)" "signal 9"
    status_in 5 "$SAMPLES/good.gn" gn-tee --to '/nosuch/command 2>/dev/null'
    has "$(cat err)" "status 127"
    # also when standard output is gone
    got=0
    { gn-tee --to 'exit 3' <"$SAMPLES/big.gn" 2>err || echo $? >rc; } | head -c 1 >h2
    is 5 "$(cat rc)"
    one_error err
}

@test "an input that fails: every branch gets a fail trailer, no file appears" {
    head -c 500000 "$SAMPLES/big.gn" >cutbig.gn
    cp "$SAMPLES/cut.gn" "$SAMPLES/missum.gn" "$SAMPLES/no-trailer.gn" .
    for f in cut cutbig missum no-trailer; do
        mkfifo fifo
        cat fifo >e.gn &
        status_in 4 $f.gn gn-tee a.gn fifo --to 'cat >c.gn' --to 'gn-tocsv >/dev/null'
        wait
        [ ! -e a.gn ]
        for o in out c.gn e.gn; do ends_failed $o; done
        rm -f fifo c.gn e.gn
    done
    # upstream has told already
    for f in failed failed-first failed-later; do
        got=0
        gn-tee a.gn --to 'cat >c.gn' --to 'gn-tocsv >/dev/null' <"$SAMPLES/$f.gn" >out 2>err || got=$?
        is 4 "$got"
        [ ! -e a.gn ] && [ ! -s err ]
        for o in out c.gn; do ends_failed $o; done
    done
    status_in 3 "$0" gn-tee --to 'cat >c.gn'
    ends_failed c.gn
}

@test "any prefix, any bit flipped" {
    "$PYTHON" "$ORACLE/conform.py" cuts "$SAMPLES/good.gn" 1 -- gn-tee
    "$PYTHON" "$ORACLE/conform.py" flips "$SAMPLES/good.gn" 1 -- gn-tee
}

@test "it waits for its commands, which write to standard error and die of a closed pipe" {
    status_in 0 "$SAMPLES/good.gn" gn-tee --to 'cat >/dev/null; sleep 0.3; echo done >d; echo hello'
    is "done" "$(cat d)"
    is hello "$(cat err)"
    same "$SAMPLES/good.gn" out
    # shellcheck disable=SC2016
    gn-tee --to 'bash -c "yes | head -n 1 >/dev/null; echo \${PIPESTATUS[0]} >ps; cat >/dev/null"' \
        <"$SAMPLES/good.gn" >out
    is 141 "$(cat ps)"
}

@test "two reports from one reading are those of two readings" {
    gn-tee --to 'gn-dau -o dau.gn' --to 'gn-dau --by month -o mau.gn' <"$SAMPLES/big.gn" >/dev/null
    gn-dau "$SAMPLES/big.gn" | cmp - dau.gn
    gn-dau --by month "$SAMPLES/big.gn" | cmp - mau.gn
}

@test "usage, and targets that cannot be" {
    status_in 2 "$SAMPLES/good.gn" gn-tee a.gn a.gn
    [ ! -e a.gn ]
    status_in 5 "$SAMPLES/good.gn" gn-tee nosuch/a.gn --to 'cat >c.gn'
    has "$(cat err)" "'nosuch/a.gn'"
    ends_failed out
    status_in 5 "$SAMPLES/big.gn" gn-tee /dev/full
    has "$(cat err)" "'/dev/full'"
    status_in 4 /dev/null gn-tee a.gn
    [ ! -e a.gn ]
    status_in 2 "$SAMPLES/good.gn" gn-tee --to
}

@test "a signal leaves nothing behind" {
    mkdir d
    mkfifo fifo
    env --default-signal=INT gn-tee d/a.gn --to 'cat >/dev/null' -o d/o.gn <fifo 2>err &
    pid=$!
    exec 7>fifo
    head -c 5000 "$SAMPLES/big.gn" >&7
    sleep 0.1
    kill $pid
    exec 7>&-
    got=0
    wait $pid || got=$?
    is 143 "$got"
    is "" "$(ls -A d)"
}
