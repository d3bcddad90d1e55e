#!/usr/bin/env bats
# gn-fromcsv: what rows mean, types, bad rows, sources, and that every way of reading gives the same.

load helper

csv() { # TEXT with escapes, to x.csv
    printf '%b' "$1" >x.csv
}

# counters STATS NAME...: their values.
counters() {
    "$PYTHON" -c 'import json, sys
c = json.load(open(sys.argv[1]))["counters"]
print(*[c["rows_" + n] for n in sys.argv[2:]])' "$@"
}

# fields: "name:type ..." of the stream on standard input.
fields() {
    "$PYTHON" "$ORACLE/gnstream.py" --header |
        "$PYTHON" -c 'import json, sys
print(*["%s:%s" % tuple(f) for f in json.loads(sys.stdin.readline())["fields"]])'
}

@test "interactions by the header alone: types, quotes, null against empty" {
    small_csv >x.csv
    gn-fromcsv x.csv >x.gn
    is 'user_id:str timestamp:time action_type:str page_id:str duration_ms:int app_version:str' \
        "$(fields <x.gn)"
    records x.gn >got
    cat >want <<'END'
{"user_id": "u000001", "timestamp": "2023-01-01 10:00:00", "action_type": "page_view", "page_id": "p000001", "duration_ms": 12000, "app_version": "5.1.0"}
{"user_id": "u000002", "timestamp": "2023-01-01 11:30:00", "action_type": "edit", "page_id": "p000002", "duration_ms": 500, "app_version": "5.1.0"}
{"user_id": "u000001", "timestamp": "2023-01-01 23:59:59", "action_type": "edit", "page_id": "p,3", "duration_ms": 300000, "app_version": "6.0.1"}
{"user_id": "u000003", "timestamp": "2023-01-02 00:00:00", "action_type": "share", "page_id": "p000004", "duration_ms": null, "app_version": "6.0.1"}
{"user_id": "u000001", "timestamp": "2023-01-02 12:00:00", "action_type": "delete", "page_id": "p000001", "duration_ms": -5, "app_version": "5.1.0"}
{"user_id": "u000002", "timestamp": "2023-01-09 08:00:00", "action_type": "create", "page_id": "p \"q\"", "duration_ms": 99000000, "app_version": "7.9.9"}
{"user_id": "u000003", "timestamp": "2023-02-01 00:00:01", "action_type": "page_view", "page_id": null, "duration_ms": 10000, "app_version": "7.9.9"}
{"user_id": "u000003", "timestamp": "2023-02-01 00:00:01", "action_type": "page_view", "page_id": null, "duration_ms": 10000, "app_version": "7.9.9"}
END
    same want got
    csv 'a,b\n"",\n,""\n'
    is '{"a": "", "b": null}
{"a": null, "b": ""}' "$(gn-fromcsv --schema a:str,b:str x.csv | records)"
}

@test "built-in schemas in any order of columns; other names are inferred" {
    csv 'country,user_id,join_date,subscription_type,device_type\nUS,1,2022-01-15,free,Mac\n'
    is 'country:str user_id:str join_date:date subscription_type:str device_type:str' \
        "$(gn-fromcsv x.csv | fields)"
    csv 'country,user_id,join_date,subscription_type\nUS,1,2022-01-15,free\n'
    is 'country:str user_id:int join_date:date subscription_type:str' "$(gn-fromcsv x.csv | fields)"
}

@test "CRLF, bare CR, BOM, no final newline, empty lines" {
    csv '\xef\xbb\xbfa,b\r\n1,x\r\n\r\n2,y\rz\r\n\n3,"p\r\nq"\r\n4,w'
    gn-fromcsv --stats=s x.csv | records >got
    printf '%s\n' '{"a": 1, "b": "x"}' '{"a": 2, "b": "y\rz"}' '{"a": 3, "b": "p\r\nq"}' \
        '{"a": 4, "b": "w"}' >want
    same want got
    is '4 4 2 2 2' "$(counters s read written empty vector libcsv)"
    csv 'a\n1\n\n\r\n2'
    is '{"a": 1}
{"a": null}
{"a": null}
{"a": 2}' "$(gn-fromcsv --stats=s x.csv | records)"
    is '4 0' "$(counters s read empty)"
}

@test "a header alone is an empty stream with its schema; nothing at all is status 3" {
    csv 'user_id,timestamp,action_type,page_id,duration_ms,app_version'
    gn-fromcsv x.csv >x.gn
    is 0 "$(records x.gn | wc -l)"
    has "$(fields <x.gn)" duration_ms:int
    csv 'a,b\r\n'
    is 'a:str b:str' "$(gn-fromcsv x.csv | fields)"
    for text in '' '\xef\xbb\xbf' '\n\n'; do
        csv "$text"
        status 3 gn-fromcsv x.csv
        has "$(cat err)" "'x.csv': is empty"
    done
    status 3 gn-fromcsv /dev/null
    status 3 gn-fromcsv --no-header --schema a:int /dev/null
    csv '\n'
    is 0 "$(gn-fromcsv --no-header --schema a:int,b:int x.csv | records | wc -l)"
}

@test "bad headers say what is wrong" {
    csv 'a,b,a\n'
    status 3 gn-fromcsv x.csv
    has "$(cat err)" "line 1: header: field 'a' occurs twice"
    csv '\na,,c\n'
    status 3 gn-fromcsv x.csv
    has "$(cat err)" "line 2: header: column 2 has no name"
    csv 'a,b"c\n'
    status 3 gn-fromcsv x.csv
    has "$(cat err)" "line 1: header: a quote inside an unquoted field"
    csv 'a,"b\n'
    status 3 gn-fromcsv x.csv
    has "$(cat err)" "a quote is never closed"
    csv '"a\xff"\n'
    status 3 gn-fromcsv x.csv
    has "$(cat err)" "not valid UTF-8"
}

@test "--schema names each column of the header and no other" {
    csv 'b,a\n1,x\n'
    is 'b:int a:str' "$(gn-fromcsv --schema a:str,b:int x.csv | fields)"
    status 3 gn-fromcsv --schema a:str x.csv
    has "$(cat err)" "column 'b' is not in --schema"
    status 3 gn-fromcsv --schema a:str,b:int,c:int x.csv
    has "$(cat err)" "no column 'c', which --schema has"
    status 2 gn-fromcsv --schema a:text,b:int x.csv
    status 2 gn-fromcsv --no-header x.csv
    csv '1,x\n'
    is '{"n": 1, "s": "x"}' "$(gn-fromcsv --no-header --schema n:int,s:str x.csv | records)"
}

@test "types inferred: what each column holds, and nothing that would lose something" {
    cat >x.csv <<'END'
int,neg,zip,phone,big,huge,float,mixed,exp,bool,date,time,both,null,text,empty,zero,minus,bits
1,-5,01234,+49301,1,12345678901234567890,1.5,1,1e5,true,2023-07-01,2023-07-01 10:00:00,2023-07-01,,x,"",0,-0,1
,7,10115,+49302,9223372036854775807,12345678901234567891,-2,2.5,2E-3,FALSE,2024-02-29,2023-07-01T10:00:00Z,2023-07-01 00:00:01,,1,,0.5,0,0
END
    is 'int:int neg:int zip:str phone:str big:int huge:str float:float mixed:float exp:float bool:bool date:date time:time both:time null:str text:str empty:str zero:float minus:str bits:int' \
        "$(gn-fromcsv x.csv | fields)"
    csv 'a,b\n1,9007199254740993\n1.5,9007199254740993\n'
    is 'a:float b:int' "$(gn-fromcsv x.csv | fields)"
    csv 'b\n9007199254740993\n1.5\n'
    is 'b:str' "$(gn-fromcsv x.csv | fields)"
}

@test "types inferred from a pipe lose no row, also beyond the sample" {
    "$PYTHON" -c 'print("n,s")
for i in range(300000): print("%d,row %d" % (i, i))' >x.csv
    # shellcheck disable=SC2002
    cat x.csv | gn-fromcsv >x.gn
    is 'n:int s:str' "$(fields <x.gn)"
    "$PYTHON" - <<'END'
import os, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
got = gnstream.parse(open("x.gn", "rb").read())[0].records
assert got == [(i, "row %d" % i) for i in range(300000)], len(got)
END
    echo '7x,last' >>x.csv
    status 3 gn-fromcsv x.csv
    has "$(cat err)" "'x.csv': line 300002, column 'n': not an int (the type was inferred"
    has "$(cat err)" '--schema'
}

@test "a bad row stops with file, line, column and reason, and no value" {
    csv 'a,b\n1,2\n3,secret\n'
    status 3 gn-fromcsv --schema a:int,b:int x.csv
    is "gn-fromcsv: error: 'x.csv': line 3, column 'b': not an int" "$(cat err)"
    "$PYTHON" "$ORACLE/gnstream.py" out >/dev/null && false || is 4 $?
    csv 'a,b\n1,2\n3\n'
    status 3 gn-fromcsv x.csv
    is "gn-fromcsv: error: 'x.csv': line 3: 1 column instead of 2, 'b' is missing" "$(cat err)"
    csv 'a,b\n1,2\n3,4,5\n'
    status 3 gn-fromcsv x.csv
    is "gn-fromcsv: error: 'x.csv': line 3: 3 columns instead of 2" "$(cat err)"
    csv 'a,b\n1,"x\ny"\n3,"z"z\n'
    status 3 gn-fromcsv x.csv
    is "gn-fromcsv: error: 'x.csv': line 4, column 'b': text after a closing quote" "$(cat err)"
    csv 'a,b\n1,x"y\n'
    status 3 gn-fromcsv x.csv
    is "gn-fromcsv: error: 'x.csv': line 2, column 'b': a quote inside an unquoted field" "$(cat err)"
    csv 'a,b\n1,x\n2,"y\n3,z\n'
    status 3 gn-fromcsv x.csv
    is "gn-fromcsv: error: 'x.csv': line 3, column 'b': a quote is never closed" "$(cat err)"
    for t in time:2023-02-30 date:2023-02-29 float:nan bool:maybe bin:abc int:9223372036854775808; do
        csv "v\n${t#*:}\n"
        status 3 gn-fromcsv --schema "v:${t%%:*}" x.csv
        has "$(cat err)" "line 2, column 'v': not "
        status 3 gn-fromcsv --parser libcsv --schema "v:${t%%:*}" x.csv
    done
    csv 'v\n""\n'
    status 3 gn-fromcsv --schema v:int x.csv
    is '{"v": ""}' "$(gn-fromcsv x.csv | records)"
}

@test "--on-error reject keeps bytes, offset, line and reason; skip counts; all rows add up" {
    printf 'a,b\n1,x\n\nno,"y ""1"""\r\n3,z\n4\n5,\xff\n"6"6,q\n7,"open\nend' >x.csv
    status 0 gn-fromcsv --schema a:int,b:str --on-error reject --reject bad.gn --stats=s x.csv
    is '{"a": 1, "b": "x"}
{"a": 3, "b": "z"}' "$(records out)"
    is '7 2 5 0 1' "$(counters s read written rejected skipped empty)"
    is 'input:str offset:int record:int rule:str reason:str raw:bin' "$(fields <bad.gn)"
    "$PYTHON" - <<'END'
import os, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
data = open("x.csv", "rb").read()
got = gnstream.parse(open("bad.gn", "rb").read())[0].records
for _, offset, line, _, _, raw in got:
    assert data[offset:offset + len(raw)] == raw and data[:offset].count(b"\n") == line - 1
want = [("x.csv", "type", "column 'a': not an int", b'no,"y ""1"""'),
        ("x.csv", "missing_column", "1 column instead of 2, 'b' is missing", b"4"),
        ("x.csv", "text", "column 'b': not valid UTF-8, or holds a NUL", b"5,\xff"),
        ("x.csv", "quote", "column 'a': text after a closing quote", b'"6"6,q'),
        ("x.csv", "quote", "column 'b': a quote is never closed", b'7,"open\nend')]
assert [(r[0],) + r[3:] for r in got] == want, got
END
    gn-fromcsv --schema a:int,b:str --on-error skip --stats=s x.csv >y.gn
    is "$(records out)" "$(records y.gn)"
    is '7 2 0 5 1' "$(counters s read written rejected skipped empty)"
    status 2 gn-fromcsv --on-error reject x.csv
    status 2 gn-fromcsv --reject y.gn x.csv
}

@test "-f takes columns in that order and does not look at the others" {
    printf 'a,b,c\n1,\xff,x\n2,oops,y\n' >x.csv
    is '{"c": "x", "a": 1}
{"c": "y", "a": 2}' "$(gn-fromcsv --schema a:int,b:int,c:str -f c,a x.csv | records)"
    status 3 gn-fromcsv -f c,d x.csv
    has "$(cat err)" "'d'"
}

@test "--where reads what it needs and writes what was asked for" {
    small_csv >x.csv
    gn-fromcsv -f page_id,user_id --where 'duration_ms >= 10000 and action_type = "page_view"' \
        --stats=s x.csv >x.gn
    is 'page_id:str user_id:str' "$(fields <x.gn)"
    is '{"page_id": "p000001", "user_id": "u000001"}
{"page_id": null, "user_id": "u000003"}
{"page_id": null, "user_id": "u000003"}' "$(records x.gn)"
    is '8 3 5' "$(counters s read written filtered)"
    gn-fromcsv --where 'user_id = "u000002"' x.csv >x.gn
    is 2 "$(records x.gn | wc -l)"
    has "$(fields <x.gn)" app_version:str
    status 3 gn-fromcsv --where 'nobody = 1' x.csv
    status 2 gn-fromcsv --where 'user_id =' x.csv
    # Many rows, against Python.
    "$PYTHON" -c 'print("n,m")
for i in range(200000): print("%d,%d" % (i, i * 7919 % 1000))' >y.csv
    gn-fromcsv -f n --where 'm < 100' y.csv | gn-tocsv --no-header >got
    "$PYTHON" -c 'for i in range(200000):
    if i * 7919 % 1000 < 100: print(i)' >want
    same want got
}

@test "--tsv, --delimiter, --trim" {
    csv 'a\tb\n1\t"x\ty"\n2\t z\n'
    is '{"a": 1, "b": "x\ty"}
{"a": 2, "b": " z"}' "$(gn-fromcsv --tsv x.csv | records)"
    is "$(gn-fromcsv --tsv x.csv | records)" "$(gn-fromcsv --delimiter '\t' x.csv | records)"
    csv 'a;b\n1;x,y\n'
    is '{"a": 1, "b": "x,y"}' "$(gn-fromcsv --delimiter ';' x.csv | records)"
    csv ' a , b\n 1 ,  " x "  \n2,y z\n3 ,\t\n \t \n'
    gn-fromcsv --trim --stats=s x.csv | records >got
    printf '%s\n' '{"a": 1, "b": " x "}' '{"a": 2, "b": "y z"}' '{"a": 3, "b": null}' >want
    same want got
    is '3 1 2 1' "$(counters s read vector libcsv empty)"
    status 2 gn-fromcsv --tsv --delimiter ';' x.csv
    for c in ';;' '"' '' $'\n'; do
        status 2 gn-fromcsv --delimiter "$c" x.csv
    done
}

@test "times: forms, --input-tz with its changes of the clock" {
    cat >x.csv <<'END'
t
2023-07-01 14:30:15
2023-07-01T14:30:15.25
2023-07-01 14:30:15Z
2023-07-01T14:30:15-05:30
2023-07-01
1688221815
1688221815123
2023-03-26 02:30:00
2023-10-29 02:30:00
2023-12-01 00:00:00
END
    gn-fromcsv --schema t:time x.csv | gn-tocsv --no-header >got
    printf '%s\n' '2023-07-01 14:30:15' '2023-07-01 14:30:15.25' '2023-07-01 14:30:15' \
        '2023-07-01 20:00:15' '2023-07-01 00:00:00' '2023-07-01 14:30:15' \
        '2023-07-01 14:30:15.123' '2023-03-26 02:30:00' '2023-10-29 02:30:00' \
        '2023-12-01 00:00:00' >want
    same want got
    gn-fromcsv --schema t:time --input-tz Europe/Berlin x.csv | gn-tocsv --no-header >got
    printf '%s\n' '2023-07-01 12:30:15' '2023-07-01 12:30:15.25' '2023-07-01 14:30:15' \
        '2023-07-01 20:00:15' '2023-06-30 22:00:00' '2023-07-01 14:30:15' \
        '2023-07-01 14:30:15.123' '2023-03-26 01:30:00' '2023-10-29 00:30:00' \
        '2023-11-30 23:00:00' >want
    same want got
    status 2 gn-fromcsv --input-tz Nowhere/Here x.csv
}

# Every hour of some years, in order and in none, by the fast way and by the general one, against
# Python's zoneinfo.
@test "times in a zone, hour by hour" {
    "$PYTHON" - <<'END'
import datetime, random, zoneinfo
random.seed(1)
z = zoneinfo.ZoneInfo("America/New_York")
t = datetime.datetime(2019, 12, 30)
with open("x.csv", "w") as f, open("want", "w") as w:
    f.write("t\n")
    hours = list(range(0, 24 * 800))
    for h in hours + random.sample(hours, len(hours)):
        u = t + datetime.timedelta(minutes=60 * h + h % 60)
        f.write("%s\n" % u)
        back = u.replace(tzinfo=z).astimezone(datetime.timezone.utc)
        w.write("%s\n" % back.replace(tzinfo=None))
END
    gn-fromcsv --schema t:time --input-tz America/New_York x.csv | gn-tocsv --no-header >got
    same want got
    gn-fromcsv --schema t:time --input-tz America/New_York --parser libcsv x.csv |
        gn-tocsv --no-header >got
    same want got
}

@test "--invalid-utf8 replace" {
    printf 'a,b\nx\xffy,\xe2\x82\n\0,"\xf0\x9f\x98\x80\xc3"\n\xed\xa0\x80,\xf4\x90\x80\x80\n' >x.csv
    status 3 gn-fromcsv x.csv
    has "$(cat err)" "line 2, column 'a': not valid UTF-8, or holds a NUL (--invalid-utf8 replace"
    gn-fromcsv --invalid-utf8 replace x.csv >x.gn
    "$PYTHON" - <<'END'
import os, sys
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
got = gnstream.parse(open("x.gn", "rb").read())[0].records
rows = [(b"x\xffy", b"\xe2\x82"), (b"\0", b"\xf0\x9f\x98\x80\xc3"), (b"\xed\xa0\x80", b"\xf4\x90\x80\x80")]
assert got == [tuple(v.decode("utf-8", "replace").replace("\0", "\ufffd") for v in r) for r in rows], got
END
    "$PYTHON" -c 'import sys; sys.stdout.buffer.write(b"a\n" + b"\xff" * 700000 + b"\n")' >x.csv
    gn-fromcsv --invalid-utf8 replace x.csv >x.gn
    is 1 "$(records x.gn | "$PYTHON" -c 'import json, sys
print(sum(json.loads(l)["a"] == "\ufffd" * 700000 for l in sys.stdin))')"
}

@test "--max-record bounds a row, and with it memory" {
    csv 'a,b\n1,"never closed\n'
    "$PYTHON" -c 'for i in range(400000): print("%d,x" % i)' >>x.csv
    status 3 gn-fromcsv --max-record 1M --stats=s x.csv
    is "gn-fromcsv: error: 'x.csv': line 2: a row longer than 1048576 bytes (is a quote never closed? else give more with --max-record)" "$(cat err)"
    "$PYTHON" -c 'print("a,b"); print("x" * 999998 + ",y"); print("z,\"" + "\n" * 999995 + "\"")' >x.csv
    gn-fromcsv --max-record 1000001 --stats=s x.csv >x.gn
    is '2 1 1' "$(counters s read vector libcsv)"
    status 3 gn-fromcsv --max-record 1000000 x.csv
    has "$(cat err)" "'x.csv': line 2: a row longer"
}

@test "several files are one segment with all sources; they must have one header" {
    csv 'a,b\n1,x\n'
    printf 'a,b\r\n2,y' >y.csv
    zstd -q x.csv
    gn-fromcsv x.csv.zst y.csv >x.gn
    is '{"a": 1, "b": "x"}
{"a": 2, "b": "y"}' "$(records x.gn)"
    "$PYTHON" - <<'END'
import os, sys, xxhash
sys.path.insert(0, os.environ["ORACLE"])
import gnstream
segments = gnstream.parse(open("x.gn", "rb").read())
assert len(segments) == 1
t = segments[0].trailer
files = [open(n, "rb").read() for n in ("x.csv", "y.csv")]
ids = {xxhash.xxh3_128(d).digest(): len(d) for d in files}
assert {s[0]: s[1] for s in t["sources"]} == ids, t
assert {c[0]: tuple(c[1:]) for c in t["cover"]} == {i: (0, n, 0, 2**64 - 1) for i, n in ids.items()}
END
    csv 'b,a\n1,x\n'
    status 3 gn-fromcsv y.csv x.csv
    has "$(cat err)" "'x.csv': line 1: its header is not that of 'y.csv'"
    status 3 gn-fromcsv y.csv /dev/null
    status 5 gn-fromcsv y.csv none.csv
}

@test "a tree: its files in path order, key=value directories as columns" {
    mkdir -p 'log/date=2023-07-02/country=US' 'log/date=2023-07-01/country=a%2Fb%20c' log/date=2023-07-01/_tmp
    printf 'a\n3\n' >log/date=2023-07-02/country=US/b.csv
    printf 'a\n2\n' | zstd -q >log/date=2023-07-02/country=US/a.csv.zst
    printf 'a\n1\n' >'log/date=2023-07-01/country=a%2Fb%20c/x.tsv'
    printf 'junk' >log/_SUCCESS
    printf 'junk' >log/.hidden.csv
    printf 'junk' >log/date=2023-07-01/notes.txt
    printf 'junk' >log/date=2023-07-01/_tmp/part.csv
    gn-fromcsv log >x.gn
    is 'a:int date:date country:str' "$(fields <x.gn)"
    is '{"a": 1, "date": "2023-07-01", "country": "a/b c"}
{"a": 2, "date": "2023-07-02", "country": "US"}
{"a": 3, "date": "2023-07-02", "country": "US"}' "$(records x.gn)"
    is '{"country": "US", "a": 3}' \
        "$(gn-fromcsv -f country,a --where 'date = 2023-07-02 and a > 2' log/ | records)"
    is '{"a": 2, "date": "2023-07-02", "country": "US"}
{"a": 3, "date": "2023-07-02", "country": "US"}' "$(gn-fromcsv log/date=2023-07-02 | records)"
    is 'a:int date:str country:str' "$(gn-fromcsv --schema a:int,date:str log | fields)"
    status 3 gn-fromcsv --schema a:int,country:int log
    has "$(cat err)" 'country=a%2Fb%20c/x.tsv'
    # A column of the file wins over its directory's.
    mkdir -p m/country=XX
    printf 'user_id,join_date,country,device_type,subscription_type\nu1,2022-01-15,US,Mac,free\n' \
        >m/country=XX/m.csv
    has "$(gn-fromcsv m | records)" '"country": "US"'
    # Built-in, when the directory gives what the header lacks; a null directory.
    mkdir n n/country=DE n/country=__HIVE_DEFAULT_PARTITION__
    for d in n/*; do
        printf 'user_id,join_date,device_type,subscription_type\n007,2022-01-15,Mac,free\n' >"$d/m.csv"
    done
    is 'user_id:str join_date:date device_type:str subscription_type:str country:str' \
        "$(gn-fromcsv n | fields)"
    is 'DE
null' "$(gn-fromcsv n | records | "$PYTHON" -c 'import json, sys
for l in sys.stdin: print(json.loads(l)["country"] or "null")')"
    mkdir log/date=2023-07-03
    printf 'a\n9\n' >log/date=2023-07-03/x.csv
    status 3 gn-fromcsv log
    has "$(cat err)" "'log/date=2023-07-03/x.csv': its key=value directories are not those of"
    mkdir empty
    status 3 gn-fromcsv empty
}

@test "round trip: what gn-tocsv writes reads back as it was, bin included" {
    PYTHONPATH=$ORACLE "$PYTHON" - <<'END'
import gnstream, random
random.seed(3)
kinds = ["str", "int", "float", "bool", "time", "date", "bin"]
def value(k):
    if random.random() < 0.15: return None
    return {"str": lambda: "".join(random.choice("ab,\"\n\r é\t") for _ in range(random.randrange(6))),
            "int": lambda: random.randrange(-2**63, 2**63) >> random.randrange(64),
            "float": lambda: random.choice([random.random(), random.uniform(-1e300, 1e300), 3.0, 1e-320]),
            "bool": lambda: random.random() < 0.5,
            "time": lambda: random.randrange(-62135596800, 253402300800) * 10**6 + random.choice([0, 0, 1, 500000]),
            "date": lambda: random.randrange(-719162, 2932897),
            "bin": lambda: bytes(random.randrange(256) for _ in range(random.randrange(1, 5)))}[k]()
rows = [tuple(value(k) for k in kinds) for _ in range(3000)]
open("a.gn", "wb").write(gnstream.build([(k, k) for k in kinds], rows))
END
    gn-tocsv a.gn >a.csv
    gn-fromcsv --schema str:str,int:int,float:float,bool:bool,time:time,date:date,bin:bin a.csv >b.gn
    records --raw a.gn >a.raw
    records --raw b.gn >b.raw
    same a.raw b.raw
}

# One row in a hundred has a quote: libcsv sees exactly those, and all ways give the same bytes.
@test "1 % quoted rows: exactly those go to libcsv, every twin writes the same bytes" {
    gn-gen --rows 60000 | gn-tocsv | awk -F, -v OFS=, 'NR % 100 == 50 { $4 = "\"" $4 "\"" } { print }' >x.csv
    gn-fromcsv --stats=s x.csv >want
    is '60000 59400 600' "$(counters s read vector libcsv)"
    for simd in portable sse2 avx2; do
        GN_SIMD=$simd gn-fromcsv x.csv >got 2>err || grep -q GN_SIMD err
        [ -s err ] || same want got
    done
    gn-fromcsv --parser libcsv --stats=s x.csv >got
    is '60000 0 60000' "$(counters s read vector libcsv)"
    # Only the provenance is another one's where options are part of it; the parser is none.
    same want got
    sed 's/$/\r/' x.csv | gn-fromcsv --stats=s >crlf.gn
    is '60000 59400 600' "$(counters s read vector libcsv)"
    records --raw want >a
    records --raw crlf.gn >b
    same a b
    GN_SIMD=mmx status 2 gn-fromcsv x.csv
}

@test "random and hostile files against a reading of the rules in Python" {
    # shellcheck disable=SC2046
    "$PYTHON" "$ORACLE/csv_diff.py" $(seq 1 16) 35 70
}

@test "rows of a log that grows go on while it waits for more" {
    came() { # whole records in what is there of the output
        "$PYTHON" -c 'import msgpack
print(sum(isinstance(x, list) for x in msgpack.Unpacker(open("out", "rb"), timestamp=0)))'
    }
    mkfifo log
    gn-fromcsv log >out 3>&- &
    exec 7>log
    small_csv | sed -n 1,3p >&7
    printf u1, >&7
    for _ in {1..400}; do
        [ "$(came)" != 2 ] || break
        sleep 0.05
    done
    is 2 "$(came)"
    echo '2023-01-01 00:00:00,edit,p1,5,5.0.0' >&7
    exec 7>&-
    wait $!
    is 3 "$(records out | wc -l)"
}
