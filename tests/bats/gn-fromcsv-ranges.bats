#!/usr/bin/env bats
# gn-fromcsv --index and --range: several processes read what one does.

load helper

csv() { # TEXT with escapes, to x.csv
    printf '%b' "$1" >x.csv
}

# cells FIELD... <STREAM: a line for each record, values with blanks between.
cells() {
    records | "$PYTHON" -c 'import json, sys
for l in sys.stdin:
    r = json.loads(l)
    print(*["null" if r[f] is None else r[f] for f in sys.argv[1:]])' "$@"
}

# shares N OPTION...: all shares of i.gn, to part.1 to part.N.
shares() {
    local n=$1 i
    shift
    for i in $(seq "$n"); do
        gn-fromcsv --index-file i.gn --range "$i/$n" "$@" -o "part.$i"
    done
}

@test "ranges begin with rows, whatever quotes hold; line, row, bytes" {
    csv '\xef\xbb\xbfa,b\r\n1,x\r\n\r\n2,"p\nq\n""\r\n"\n3,w\n4,"never\nclosed\n'
    gn-fromcsv --index=1B x.csv >i.gn
    is '1 0 8 1 1 1
2 8 13 2 2 1
3 13 15 3 3 1
4 15 28 4 4 1
5 28 32 5 8 1
6 32 48 6 9 1' "$(cells range from to row line rows <i.gn)"
    is 6 "$(cells input size keys inferred options <i.gn | grep -c '^x.csv 48 null True delimiter=,$')"
    is '{"file":[["a","int"],["b","str"]],"path":[]}' "$(cells columns <i.gn | sort -u)"
    gn-fromcsv --index=2 x.csv >i.gn
    is '0 28
28 48' "$(cells from to <i.gn)"
    gn-fromcsv --index x.csv | gn-view >view
    has "$(cat view)" x.csv
    gn-info i.gn | finds 'covers *unknown'
}

@test "random and hostile files: shares together are what one process reads" {
    # shellcheck disable=SC2046
    "$PYTHON" "$ORACLE/csv_ranges.py" $(seq 1 8) 35 70
}

@test "a file larger than any buffer, long quoted fields, ranges in any number" {
    "$PYTHON" - <<'END'
import random
random.seed(5)
with open("x.csv", "w") as f:
    f.write("n,s\n")
    for i in range(40000):
        f.write("%d,%s\n" % (i, '"' + "a,\n" * random.randrange(300) + '"' if i % 50 == 0 else "row %d" % i))
END
    gn-fromcsv x.csv -o one.gn
    records --raw one.gn >want
    gn-fromcsv --index=64K x.csv -o i.gn
    for n in 1 3 "$(records i.gn | wc -l)"; do
        rm -f part.*
        shares "$n"
        for i in $(seq "$n"); do records --raw "part.$i"; done >got
        same want got
    done
    # A range begins in each part of the file, and one share has about as many bytes as another.
    gn-fromcsv --index=4 x.csv -o i.gn
    "$PYTHON" - <<'END'
import os, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
s = gnstream.parse(open("i.gn", "rb").read())[0]
r = [dict(zip(s.names(), r)) for r in s.records]
assert len(r) == 4
for k, x in enumerate(r):
    assert 0 <= x["from"] - x["size"] * k / 4 < 1000, r
END
}

@test "partial states of all shares merge; one missing or twice is refused" {
    small_csv >x.csv
    gn-fromcsv --index=30B x.csv -o i.gn
    shares 3 -f user_id,timestamp,duration_ms
    for i in 1 2 3; do gn-dau --partial "part.$i" -o "state.$i"; done
    gn-fromcsv -f user_id,timestamp,duration_ms x.csv -o one.gn
    gn-dau one.gn | records >want
    gn-dau --merge state.2 state.3 state.1 | records >got
    same want got
    status 3 gn-dau --merge state.1 state.3
    has "$(cat err)" allow-partial
    status 3 gn-dau --merge state.1 state.2 state.2 state.3
    has "$(cat err)" twice
    # The states of shares are the siblings of one node, and together come from what one does.
    gn-dau --partial one.gn -o state.one
    gn-dau --merge --partial state.one | gn-info | grep -A9 '  sources' >want
    gn-dau --merge --partial state.1 state.2 state.3 | gn-info | grep -A9 '  sources' >got
    same want got
    has "$(cat want)" 'gn-fromcsv'
}

@test "types are inferred once, of the first file's first rows" {
    { echo n,m
        seq 20 | sed 's/$/,7/'
        echo 'x,1.5'; } >x.csv
    gn-fromcsv --index=4 x.csv -o i.gn
    gn-fromcsv x.csv | gn-tocsv --no-header >want
    shares 4
    for i in 1 2 3 4; do
        gn-info "part.$i" | grep -A1 fields >"fields.$i"
        same fields.1 "fields.$i"
        gn-tocsv --no-header "part.$i"
    done >got
    same want got
    # Beyond the sample: a bad row, told with its line and where the type is from.
    { echo n
        seq 12000
        echo x; } >x.csv
    gn-fromcsv --index=4 x.csv -o i.gn
    status 3 gn-fromcsv x.csv
    cp err want
    has "$(cat want)" "'x.csv': line 12002, column 'n': not an int (the type was inferred"
    status 0 gn-fromcsv --index-file i.gn --range 3/4
    status 3 gn-fromcsv --index-file i.gn --range 4/4
    same want err
}

@test "more shares than ranges: some are empty, with the fields and sources; together they are whole" {
    csv 'a,b\n1,x\n'
    gn-fromcsv --index=9 x.csv -o i.gn
    is '0 4
4 8' "$(cells from to <i.gn)"
    shares 5
    for i in 1 2 3 4 5; do records --raw "part.$i"; done >got
    gn-fromcsv x.csv | records --raw >want
    same want got
    cat part.* | gn-cat | gn-info | grep -E '^  (records|fields|sources|covers)' >got
    gn-fromcsv x.csv | gn-info | grep -E '^  (records|fields|sources|covers)' >want
    same want got
    printf 'a,b' >x.csv
    gn-fromcsv --index=3 x.csv -o i.gn
    shares 2
    is 0 "$(cat part.1 part.2 | gn-cat | records | wc -l)"
    for text in '' '\xef\xbb\xbf' '\n\n'; do
        csv "$text"
        status 3 gn-fromcsv --index x.csv
        has "$(cat err)" "'x.csv': is empty"
    done
    csv '\n\n\n\na,b\n\n1,x\n'
    gn-fromcsv --index=1B x.csv -o i.gn
    is '0 8 1 5' "$(cells from to row rows <i.gn | head -n 1)"
    csv '1,x\n2,y'
    gn-fromcsv --no-header --schema a:int,b:str --index=1B x.csv -o i.gn
    is '0 4 1
4 7 2' "$(cells from to row <i.gn)"
    is '{"a": 2, "b": "y"}' \
        "$(gn-fromcsv --no-header --schema a:int,b:str --index-file i.gn --range 2/2 | records)"
}

@test "rejects of shares are those of one process; --where and -f as ever" {
    { echo a,b
        for i in $(seq 300); do
            echo "$i,x$i"
            [ $((i % 7)) -ne 0 ] || printf 'no,"y\n%s"\r\n' "$i"
            [ $((i % 11)) -ne 0 ] || echo "$i"
        done; } >x.csv
    how='--schema a:int,b:str'
    # shellcheck disable=SC2086
    gn-fromcsv $how --index=200B x.csv -o i.gn
    # shellcheck disable=SC2086
    gn-fromcsv $how -f b --where 'a > 100' --on-error reject --reject bad x.csv -o one.gn
    for i in 1 2 3; do
        # shellcheck disable=SC2086
        gn-fromcsv $how -f b --where 'a > 100' --on-error reject --reject "bad.$i" \
            --index-file i.gn --range "$i/3" -o "part.$i"
    done
    records bad >want
    records bad.1 bad.2 bad.3 >got
    same want got
    is 69 "$(wc -l <want)"
    records one.gn >want
    records part.1 part.2 part.3 >got
    same want got
}

@test "several files and trees: shares cross files, key=value columns, files elsewhere" {
    for d in 1 2 3; do
        mkdir -p "log/date=2023-07-0$d"
        { echo a,b
            for i in $(seq 50); do echo "$i,\"$d
$i\""; done; } >"log/date=2023-07-0$d/p.csv"
    done
    gn-fromcsv log -o one.gn
    gn-fromcsv --index=4 log -o i.gn
    is 'null' "$(gn-fromcsv --index=1 log/date=2023-07-01/p.csv | cells keys)"
    is '4' "$(gn-fromcsv --index=1 log/date=2023-07-02/ | cells keys)"
    is 6 "$(records i.gn | wc -l)"
    records one.gn >want
    for n in 1 2 4 6; do
        rm part.* || true
        shares "$n" && records part.* >got
        same want got
        gn-cat part.* | gn-info | grep -E '^  (sources|covers|made|  )' >lineage
        gn-cat one.gn | gn-info | grep -E '^  (sources|covers|made|  )' | diff - lineage
    done
    # Moved, and named.
    mv log elsewhere
    status 5 gn-fromcsv --index-file i.gn --range 1/1
    gn-fromcsv --index-file i.gn --range 1/1 elsewhere | records >got
    same want got
    status 3 gn-fromcsv --index-file i.gn --range 1/1 elsewhere/date=2023-07-01
    has "$(cat err)" 'files given are 1, those of the index 3'
    status 3 gn-fromcsv --index-file i.gn --range 1/1 elsewhere/date=*/p.csv
    has "$(cat err)" "no directory of it names a 'date'"
    printf 'b,a\n' >elsewhere/date=2023-07-03/p.csv
    status 3 gn-fromcsv --index elsewhere
    has "$(cat err)" "its header is not that of"
}

@test "over 64 files: covers of shares add up though sources fold" {
    for i in $(seq 70); do
        printf 'user_id,timestamp,duration_ms\nu%s,2023-01-01 00:00:00,1\nv,2023-01-02 00:00:00,\n' "$i" >"$i.csv"
    done
    gn-fromcsv --index=3 ./*.csv -o i.gn
    shares 3
    for i in 1 2 3; do gn-dau --partial "part.$i" -o "state.$i"; done
    gn-dau --merge state.1 state.2 state.3 | gn-tocsv --no-header -f dau >got
    is '70
1' "$(cat got)"
    status 3 gn-dau --merge state.1 state.3
    status 3 gn-dau --merge state.1 state.1
}

@test "a file that is not what was indexed is refused, where it shows" {
    "$PYTHON" -c 'print("a,b")
for i in range(1000): print("%d,x" % i)' >x.csv
    gn-fromcsv --index=4 x.csv -o i.gn
    cp x.csv keep
    echo 1000,x >>x.csv
    for i in 1 4; do
        status 3 gn-fromcsv --index-file i.gn --range "$i/4"
        is "gn-fromcsv: error: 'x.csv': has changed since the index was made (make it again with --index)" "$(cat err)"
        "$PYTHON" "$ORACLE/gnstream.py" out >/dev/null && false || is 4 $?
    done
    # As long as before, one byte another one: in its range only.
    sed 's/^900,x/900,y/' keep >x.csv
    status 0 gn-fromcsv --index-file i.gn --range 1/4
    status 3 gn-fromcsv --index-file i.gn --range 4/4 -o no.gn
    has "$(cat err)" 'has changed'
    [ ! -e no.gn ]
    sed 's/a,b/b,a/' keep >x.csv
    status 3 gn-fromcsv --index-file i.gn --range 1/4
    has "$(cat err)" 'has changed'
    cp keep x.csv # a newer file with the same bytes is the same
    status 0 gn-fromcsv --index-file i.gn --range 1/4
}

@test "what has no ranges is refused, with a reason" {
    csv 'a,b\n1,x\n'
    status 2 gn-fromcsv --index <x.csv
    has "$(cat err)" 'standard input'
    status 2 gn-fromcsv --index x.csv - </dev/null
    mkfifo pipe
    status 3 gn-fromcsv --index pipe
    has "$(cat err)" "'pipe': is no regular file"
    status 3 gn-fromcsv --index x.csv pipe
    status 3 gn-fromcsv --index /dev/null
    zstd -q x.csv -o y.csv
    status 3 gn-fromcsv --index y.csv
    has "$(cat err)" "'y.csv': is compressed"
    status 5 gn-fromcsv --index none.csv
    csv 'a,b\n1,"never closed\n'
    seq 400000 >>x.csv
    status 3 gn-fromcsv --index --max-record 1M x.csv
    is "gn-fromcsv: error: 'x.csv': line 2: a row longer than 1048576 bytes (is a quote never closed? else give more with --max-record)" "$(cat err)"
    seq 1100000 >x.csv
    status 2 gn-fromcsv --index=1B x.csv
    has "$(cat err)" 'more than 1048576 ranges'
}

@test "options: what excludes and needs each other, what must be the same" {
    csv 'a,b\n1,x\n2,y\n'
    for o in --index=0 --index=-1 --index=x --index=0K --index=9999999 '--index -f a' '--index --where a=1' \
        '--index --on-error skip' '--index --range 1/1 --index-file i.gn'; do
        # shellcheck disable=SC2086
        status 2 gn-fromcsv $o x.csv
    done
    gn-fromcsv --index=2 x.csv -o i.gn
    for r in 0/2 3/2 1 1/ /2 1/x -1/2 1/2/3 '' 1/3000000000; do
        status 2 gn-fromcsv --index-file i.gn --range "$r"
    done
    status 2 gn-fromcsv --range 1/2 x.csv
    status 2 gn-fromcsv --index-file i.gn x.csv
    for o in --tsv --trim '--schema a:int,b:str' '--no-header --schema a:str,b:str' '--delimiter ;'; do
        # shellcheck disable=SC2086
        status 3 gn-fromcsv --index-file i.gn --range 1/2 $o
        has "$(cat err)" '(they were: delimiter=,)'
        # shellcheck disable=SC2086
        if [ "$o" != --tsv ] && [ "$o" != '--delimiter ;' ]; then
            gn-fromcsv $o --index=2 x.csv -o j.gn
            gn-fromcsv $o x.csv | records >want
            for i in 1 2; do gn-fromcsv $o --index-file j.gn --range $i/2 | records; done >got
            same want got
        fi
    done
}

@test "an index that is none, or not whole" {
    csv 'a,b\n1,x\n2,y\n3,z\n'
    printf 'a,b\n5,x\n' >y.csv
    gn-fromcsv --index=1B x.csv y.csv -o i.gn
    is 6 "$(records i.gn | wc -l)"
    status 3 gn-fromcsv --index-file x.csv --range 1/1
    gn-fromcsv x.csv -o x.gn
    status 3 gn-fromcsv --index-file x.gn --range 1/1
    has "$(cat err)" "'x.gn': is no index of ranges"
    head -c 700 i.gn >t.gn
    status 4 gn-fromcsv --index-file t.gn --range 1/1
    status 5 gn-fromcsv --index-file none.gn --range 1/1
    # Records taken out, doubled, in another order, changed.
    for where in 'range != 1' 'range != 2' 'range != 5' 'range < 4' 'range < 6' 'false'; do
        gn-cat --where "$where" i.gn -o j.gn
        status 3 gn-fromcsv --index-file j.gn --range 1/1
    done
    cat i.gn i.gn >j.gn
    status 3 gn-fromcsv --index-file j.gn --range 1/1
    has "$(cat err)" "'j.gn': record 7: does not continue the index"
    "$PYTHON" - <<'END'
import os, subprocess, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
s = gnstream.parse(open("i.gn", "rb").read())[0]
names = s.names()
def run(records):
    open("j.gn", "wb").write(gnstream.build(s.fields, records))
    return subprocess.run(["gn-fromcsv", "--index-file", "j.gn", "--range", "1/1"],
                          capture_output=True).returncode
assert run(s.records) == 0
for k, name in enumerate(names):
    for i in (0, 2, 4, 5):
        for v in (None, -1, 0, 1, 7, 2**63 - 1, "", "x", "{}", '{"file":[],"path":[]}',
                  '{"file":[["a","int"],["a","str"]],"path":[]}', '{"file":[1,["a"]],"path":3}', b"", bytes(16), True, False):
            kind = s.fields[k][1]
            if v is not None and {"int": int, "str": str, "bin": bytes, "bool": bool}[kind] is not type(v):
                continue
            r = [list(x) for x in s.records]
            if r[i][k] == v:
                continue
            r[i][k] = v
            if name == "line" and i not in (0, 4) or name == "rows" and i in (3, 5):
                continue # nothing else says so
            got = run([tuple(x) for x in r])
            # Of a file there may be another name, which is not there.
            assert got == 3 or (name == "input" and got == 5) or (name == "keys" and got == 3), (name, i, v, got)
END
}

@test "outputs: full disk, closed pipe, statistics" {
    gn-gen --rows 20000 | gn-tocsv -o x.csv
    status 5 gn-fromcsv --index=5000 x.csv -o /dev/full
    gn-fromcsv --index=4 --stats=s x.csv -o i.gn
    is '4' "$("$PYTHON" -c 'import json; print(json.load(open("s"))["counters"]["ranges"])')"
    status 5 gn-fromcsv --index-file i.gn --range 1/2 -o /dev/full
    gn-fromcsv --index-file i.gn --range 1/1 | gn-head -n 1 >/dev/null || is 141 $?
    for simd in portable sse2 avx2; do
        GN_SIMD=$simd gn-fromcsv --index=4 x.csv >j.gn 2>err || grep -q GN_SIMD err
        [ -s err ] || same i.gn j.gn
    done
}
