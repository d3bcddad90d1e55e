#!/usr/bin/env bats
# gn-tocsv: every type, quoting, null against empty, delimiters, zones; its text reads back as it was.

load helper

stream() { # EXPRESSION of tests/oracle/gnstream.py's build, to standard output
    PYTHONPATH=$ORACLE "$PYTHON" -c "
import sys
from gnstream import build
sys.stdout.buffer.write($1)"
}

@test "each type as text" {
    stream 'build([("s","str"),("i","int"),("f","float"),("b","bool"),("t","time"),("d","date"),("x","bin")],
        [("a", -9223372036854775808, 0.1, True, 1688221815000000, 19539, b"\x00\xff"),
         ("ä", 9223372036854775807, -1e300, False, -1, -719162, b""),
         ("z", 0, 3.0, None, 253402300799999999, 2932896, b"z"),
         (None, None, None, None, None, None, None),
         ("", 100, 1e-7, True, 1500000, 0, b"\xab" * 3)])' >a.gn
    gn-tocsv a.gn >got
    cat >want <<'END'
s,i,f,b,t,d,x
a,-9223372036854775808,0.1,true,2023-07-01 14:30:15,2023-07-01,00ff
ä,9223372036854775807,-1e+300,false,1969-12-31 23:59:59.999999,0001-01-01,""
z,0,3,,9999-12-31 23:59:59.999999,9999-12-31,7a
,,,,,,
"",100,1e-07,true,1970-01-01 00:00:01.5,1970-01-01,ababab
END
    same want got
}

@test "a field is quoted only where it must be" {
    stream 'build([("a,b","str"),("c\"d","str"),("e","str")],
        [("x,y", "p\"q", "l\nm"), ("c\rd", "", " blank "), ("\u0027;|\t", "\x01\x7f", None),
         ("a"*8, "abcdefg,", ",bcdefgh"), ("a"*16 + ",", "a"*20 + "\"" + "b"*20, "\"" * 5),
         ("\ufeff", "#", "é,")])' >a.gn
    gn-tocsv a.gn >got
    printf '"a,b","c""d",e\n"x,y","p""q","l\nm"\n"c\rd",""%s\n' ', blank ' >want
    printf '%s\n' $'\';|\t,\x01\x7f,' 'aaaaaaaa,"abcdefg,",",bcdefgh"' \
        '"aaaaaaaaaaaaaaaa,","aaaaaaaaaaaaaaaaaaaa""bbbbbbbbbbbbbbbbbbbb",""""""""""""' \
        $'\xef\xbb\xbf,#,"é,"' >>want
    same want got
}

@test "every short and long string with a special byte at every place, against Python's csv" {
    PYTHONPATH=$ORACLE "$PYTHON" - <<'END'
import csv, io, random, subprocess, sys, gnstream
random.seed(5)
rows = []
for n in list(range(0, 40)) + [63, 64, 65, 255, 256, 1000]:
    for c in ",\"\n\r;\t \x1f!\x7fé":
        for at in {0, n // 2, n - 1, random.randrange(n or 1)} if n else {0}:
            s = list("".join(random.choice("abcXYZ019_-") for _ in range(n)))
            if n:
                s[at] = c
            rows.append(("".join(s), random.choice(["", None, "x"]), "".join(s)))
open("a.gn", "wb").write(gnstream.build([("a", "str"), ("b", "str"), ("c", "str")], rows))
for delimiter in ",;\t|":
    text = subprocess.run(["gn-tocsv", "--delimiter", delimiter, "a.gn"], check=True,
                          capture_output=True).stdout.decode()
    # the rule itself, once more
    def field(v):
        if v is None:
            return ""
        if v == "" or any(x in v for x in (delimiter, '"', "\n", "\r")):
            return '"' + v.replace('"', '""') + '"'
        return v
    want = delimiter.join("abc") + "\n" + "".join(
        delimiter.join(map(field, r)) + "\n" for r in rows)
    assert text == want, delimiter
    back = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))[1:]
    assert back == [[v or "" for v in r] for r in rows], delimiter
END
}

@test "large values go out whole" {
    PYTHONPATH=$ORACLE "$PYTHON" - <<'END'
import csv, io, subprocess, gnstream
csv.field_size_limit(1 << 24)
rows = [("x" * 70000 + '"' * 100000, b"\xfe" * 90000, 7), ('"', b"", None), (None, None, 8),
        ("y" * 3000000, b"\x01", 9)]
data = gnstream.build([("a", "str"), ("b", "bin"), ("c", "int")], rows)
text = subprocess.run(["gn-tocsv"], input=data, check=True, capture_output=True).stdout.decode()
want = [[a or "", b.hex() if b else "", "" if c is None else str(c)] for a, b, c in rows]
assert list(csv.reader(io.StringIO(text, newline="")))[1:] == want
END
}

@test "null and the empty string in a single column" {
    stream 'build([("a","str")], [(None,), ("",), ("x",), (None,)])' >a.gn
    gn-tocsv a.gn >got
    printf 'a\n\n""\nx\n\n' >want
    same want got
}

@test "a byte order mark at the beginning of the file is quoted, elsewhere it is not" {
    stream 'build([("a","str"),("b","str")], [("\ufeffx", "\ufeff"), ("\ufeffx", "y")])' >a.gn
    gn-tocsv --no-header a.gn >got
    printf '"\xef\xbb\xbfx",\xef\xbb\xbf\n\xef\xbb\xbfx,y\n' >want
    same want got
    stream 'build([("\ufeffname","str")], [("\ufeffx",)])' | gn-tocsv >got
    printf '"\xef\xbb\xbfname"\n\xef\xbb\xbfx\n' >want
    same want got
}

@test "fields, delimiters, no header" {
    stream 'build([("a","int"),("b","str"),("t","time")], [(1,"x y",0),(2,"p;q",1000000)])' >a.gn
    is $'b,a\nx y,1\np;q,2' "$(gn-tocsv -f b,a a.gn)"
    is $'1\tx y\t1970-01-01 00:00:00\n2\tp;q\t1970-01-01 00:00:01' "$(gn-tocsv --tsv --no-header a.gn)"
    is "$(gn-tocsv --tsv a.gn)" "$(gn-tocsv --delimiter '\t' a.gn)"
    is $'b;a\nx y;1\n"p;q";2' "$(gn-tocsv --delimiter ';' -f b,a a.gn)"
    is $'a b t\n1 "x y" "1970-01-01 00:00:00"\n2 p;q "1970-01-01 00:00:01"' "$(gn-tocsv --delimiter ' ' a.gn)"
    for d in '"' a 7 - . : ',,' '' é; do
        status 2 gn-tocsv --delimiter "$d" a.gn
    done
    status 2 gn-tocsv --tsv --delimiter , a.gn
    status 3 gn-tocsv -f a,nosuch a.gn
    has "$(cat err)" "'nosuch'"
}

@test "a zone writes its offset, so that the instant stays" {
    stream 'build([("t","time")], [(t * 500000,) for t in (3359584798, 3359584800, 3397075201,
        3397082401, -6000000000, 506804601598)])' >a.gn
    gn-tocsv --no-header --tz Europe/Berlin a.gn >got
    cat >want <<'END'
2023-03-26 01:59:59+01:00
2023-03-26 03:00:00+02:00
2023-10-29 02:00:00.5+02:00
2023-10-29 02:00:00.5+01:00
1874-12-07 19:33:00+00:53
9999-12-31 23:59:59Z
END
    same want got
    is 1874-12-07\ 13:44:00-04:56 "$(gn-tocsv --no-header --tz America/New_York a.gn | sed -n 5p)"
    is "$(gn-tocsv a.gn)" "$(gn-tocsv --tz UTC a.gn)"
    is "2023-10-29 00:00:00.5" "$(gn-tocsv --no-header a.gn | sed -n 3p)"
    status 2 gn-tocsv --tz Nowhere/Town a.gn
}

@test "all days of two hundred years, and the first and the last ones" {
    PYTHONPATH=$ORACLE "$PYTHON" - <<'END'
import datetime, subprocess, gnstream
epoch = datetime.date(1970, 1, 1).toordinal()
days = list(range(-719162, -719162 + 1500)) + list(range(-25600, 48000)) + list(range(2932000, 2932897))
data = b"".join(gnstream.build(
    [("d", "date"), ("t", "time")],
    [(d, d * 86400000000 + d * 7919 % 86400000000) for d in days[i:i + 1000]])
    for i in range(0, len(days), 1000))
got = subprocess.run(["gn-tocsv", "--no-header"], input=data, check=True,
                     capture_output=True).stdout.decode().splitlines()
assert len(got) == len(days)
for d, line in zip(days, got):
    date = datetime.date.fromordinal(d + epoch).isoformat()
    want = date + "," + gnstream.time_text(d * 86400000000 + d * 7919 % 86400000000)
    assert line == want, (line, want)
END
}

@test "several segments are one table; other fields are refused" {
    stream 'build([("a","int"),("b","str")], [(1,"x")])' >a.gn
    stream 'build([("b","str"),("a","int")], [("y",2)])' >b.gn
    is $'a,b\n1,x\n1,x' "$(gn-tocsv a.gn a.gn)"
    is $'a,b\n1,x\n1,x' "$(cat a.gn a.gn | gn-tocsv)"
    status 3 gn-tocsv a.gn b.gn
    has "$(cat err)" "'b.gn'"
    is $'b,a\nx,1\ny,2' "$(gn-tocsv -f b,a a.gn b.gn)"
    stream 'build([("a","float")], [(2.5,)])' >c.gn
    status 3 gn-tocsv -f a a.gn c.gn
}

@test "no records: the header alone" {
    stream 'build([("a","int"),("b","str")], [])' >a.gn
    is a,b "$(gn-tocsv a.gn)"
    is "" "$(gn-tocsv --no-header a.gn)"
}

@test "a failing input leaves no output file; a whole one is compressed by its name" {
    gn-gen --rows 5000 -o a.gn
    head -c 100000 a.gn >cut.gn
    status 4 gn-tocsv -o out.csv cut.gn
    [ ! -e out.csv ]
    gn-tocsv -o out.csv.zst a.gn
    gn-tocsv a.gn >want
    zstd -dcq out.csv.zst | cmp - want
}

@test "a closed pipe ends it" {
    run bash -c 'set -o pipefail; gn-gen --rows 3000000 | gn-tocsv | head -n 1'
    is 141 "$status"
    is "user_id,timestamp,action_type,page_id,duration_ms,app_version" "$output"
}

@test "CSV there and back: random hostile data" {
    command -v gn-fromcsv >/dev/null || skip "no gn-fromcsv"
    PYTHONPATH=$ORACLE "$PYTHON" - <<'END'
import random, subprocess, gnstream
random.seed(11)
bits = ["", "a", ",", '"', "\n", "\r", "\r\n", " ", "\t", ";", "é", "€", "\U0001f600", "\ufeff", "x" * 70,
        "null", "0", "-", "''", "\\", "#", "\x01", "\x7f"]
def text():
    return None if random.random() < .1 else "".join(random.choice(bits) for _ in range(random.randrange(5)))
def maybe(v):
    return None if random.random() < .1 else v
kinds = [("s", "str"), ("i", "int"), ("f", "float"), ("b", "bool"), ("t", "time"), ("d", "date"), ("u", "str")]
rows = [(text(), maybe(random.randrange(-2**63, 2**63) >> random.randrange(64)),
         maybe(random.uniform(-1, 1) * 10 ** random.randrange(-300, 300)), maybe(random.random() < .5),
         maybe(random.randrange(-62135596800000000, 253402300800000000)),
         maybe(random.randrange(-719162, 2932897)), text()) for _ in range(4000)]
for fields, data in ((kinds, rows), ([("one", "str")], [(r[0],) for r in rows])):
    stream = gnstream.build(fields, data)
    schema = ",".join("%s:%s" % f for f in fields)
    for options in ([], ["--tsv"], ["--delimiter", ";"]):
        out = subprocess.run(["gn-tocsv"] + options, input=stream, check=True, capture_output=True).stdout
        back = subprocess.run(["gn-fromcsv", "--schema", schema] + options, input=out, check=True,
                              capture_output=True).stdout
        got = gnstream.parse(back)
        assert [r for s in got for r in s.records] == data, (fields, options)
END
}
