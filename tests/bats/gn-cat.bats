#!/usr/bin/env bats
# gn-cat: records pass unchanged, everything is checked, claims follow the fields that stay.

load helper

stream() { # EXPRESSION of tests/oracle/gnstream.py's build, to standard output
    PYTHONPATH=$ORACLE "$PYTHON" -c "
import sys
from gnstream import build
sys.stdout.buffer.write($1)"
}
raw() { "$PYTHON" "$ORACLE/gnstream.py" --raw "$@"; }
header() { "$PYTHON" "$ORACLE/gnstream.py" --header "$@"; }

@test "records of several files pass as they are, segment for segment" {
    gn-gen --rows 3000 -o a.gn
    gn-gen --rows 1 -o b.gn
    gn-gen --table metadata --rows 700 -o c.gn
    gn-cat a.gn b.gn c.gn >got.gn
    cat a.gn b.gn c.gn | gn-cat >piped.gn
    same got.gn piped.gn
    raw a.gn b.gn c.gn >want
    raw got.gn | cmp - want
    is 3 "$(header got.gn | wc -l)"
    gn-info --json a.gn c.gn >/dev/null
}

@test "every claim stays on the way through, and the cover" {
    stream 'build([("a","str"),("n","int")], [("x",1),("x",2),("y",None)],
        {"order": [["a","asc"],["n","asc"]], "total": False,
         "part": {"key": ["a"], "hash": "xxh3", "lo": 0, "hi": 2**64 - 1}, "future": [1, {"x": None}]})' >a.gn
    gn-cat a.gn >b.gn
    "$PYTHON" - "$(header a.gn)" "$(header b.gn)" <<'END'
import json, sys
a, b = map(json.loads, sys.argv[1:])
a.pop("total"), b.pop("total", None)
assert a == b, (a, b)
END
    gn-gen --rows 100 --range 10:20 -o g.gn
    gn-cat g.gn >h.gn
    cover() { "$PYTHON" "$ORACLE/gnstream.py" --info "$1" | sed -n 's/.*"cover": \(\[\[.*\]\]\), "so.*/\1/p'; }
    [ -n "$(cover g.gn)" ]
    is "$(cover g.gn)" "$(cover h.gn)"
}

@test "compress and decompress" {
    gn-gen --rows 60000 -o a.gn
    gn-cat a.gn >plain.gn
    gn-cat -o b.gn.zst a.gn
    [ "$(wc -c <b.gn.zst)" -lt "$(wc -c <plain.gn)" ]
    zstd -dcq b.gn.zst | cmp - plain.gn
    gn-cat --zstd=6 a.gn | zstd -dcq | cmp - plain.gn
    gn-cat -z a.gn | gn-cat | raw >got
    raw a.gn | cmp - got
}

@test "-f keeps fields, in their new order, and the claims that still hold" {
    stream 'build([("a","str"),("n","int"),("c","str")], [("x",1,"p"),("x",2,None),("y",None,"q")],
        {"order": [["a","asc"],["n","asc"],["c","asc"]], "total": True,
         "part": {"key": ["a"], "hash": "xxh3", "lo": 0, "hi": 2**64 - 1}})' >a.gn
    is $'{"n": 1, "a": "x"}\n{"n": 2, "a": "x"}\n{"n": null, "a": "y"}' "$(gn-cat -f n,a a.gn | records)"
    gn-cat -f n,a a.gn | header >h
    has "$(cat h)" '"order": [["a", "asc"], ["n", "asc"]]'
    has "$(cat h)" '"part"'
    if grep -q '"total": true' h; then false; fi
    gn-cat -f n,c a.gn | header >h
    if grep -Eq 'order|part' h; then false; fi
    gn-cat -f c,a a.gn | header >h
    has "$(cat h)" '"order": [["a", "asc"]]'
    status 3 gn-cat -f a,zzz a.gn
    status 2 gn-cat -f a,a a.gn
}

@test "--where keeps the records for which it is true" {
    gn-gen --rows 20000 -o a.gn
    gn-cat --where 'action_type = "edit" and duration_ms > 200s' a.gn | gn-tocsv --no-header >got
    gn-tocsv --no-header a.gn | awk -F, '$3 == "edit" && $5 > 200000' >want
    [ "$(wc -l <want)" -gt 1000 ]
    same want got
    gn-cat -f page_id,user_id --where 'duration_ms between 100 and 5000' a.gn | gn-tocsv --no-header >got
    gn-tocsv --no-header a.gn | awk -F, '$5 >= 100 && $5 <= 5000 { print $4 "," $1 }' >want
    same want got
    is "" "$(gn-cat --where false a.gn | records)"
    gn-cat --where false a.gn | header >/dev/null
    status 2 gn-cat --where 'duration_ms >' a.gn
    status 2 gn-cat --where 'duration_ms + 1' a.gn
    status 3 gn-cat --where 'nosuch > 1' a.gn
}

@test "a null is not true; a zone moves the day" {
    stream 'build([("n","int"),("t","time")], [(None, 1688165999000000), (1, 1688166000000000), (None, None)])' >a.gn
    is '{"n": 1, "t": "2023-06-30 23:00:00"}' "$(gn-cat --where 'n > 0' a.gn | records)"
    is '{"n": 1, "t": "2023-06-30 23:00:00"}' \
        "$(gn-cat --tz Europe/London --where 'date(t) = 2023-07-01' a.gn | records)"
    is "" "$(gn-cat --where 'date(t) = 2023-07-01' a.gn | records)"
}

@test "what another writer left in long forms comes out canonical" {
    PYTHONPATH=$ORACLE "$PYTHON" - >a.gn <<'END'
import sys, gnstream, xxhash
h = gnstream.pack({"gn": 1, "fields": [["a", "int"], ["s", "str"]]})
body = h + b"\xdc\x00\x02\xd3" + bytes(7) + b"\x05" + b"\xd9\x01x" + b"\x92\xc0\xdb\x00\x00\x00\x00"
tail = gnstream.pack({"end": 2, "xxh3": 0})[:-1]
sys.stdout.buffer.write(body + tail + gnstream.pack(xxhash.xxh3_64_intdigest(body + tail)))
END
    is $'{"a": 5, "s": "x"}\n{"a": null, "s": ""}' "$(gn-cat a.gn | records)"
    is $'{"s": "x"}\n{"s": ""}' "$(gn-cat -f s a.gn | records)"
}

@test "a value that is not what its field says is found, wherever it is" {
    bad() { # BYTES-OF-THE-SECOND-VALUE in hexadecimal, TYPE
        PYTHONPATH=$ORACLE "$PYTHON" - "$1" "$2" >bad.gn <<'END'
import sys, gnstream, xxhash
value, kind = bytes.fromhex(sys.argv[1]), sys.argv[2]
body = gnstream.pack({"gn": 1, "canon": True, "fields": [["a", "int"], ["v", kind]]}) + b"\x92\x01\xc0" * 5000 + b"\x92\x01" + value
tail = gnstream.pack({"end": 5001, "xxh3": 0})[:-1]
sys.stdout.buffer.write(body + tail + gnstream.pack(xxhash.xxh3_64_intdigest(body + tail)))
END
        status 4 gn-cat bad.gn
        has "$(cat err)" "record 5001"
    }
    bad a1ff str
    bad a100 str
    bad 01 str
    bad cd0001 int
    bad cb8000000000000000 float
    bad cb7ff0000000000000 float
    bad ca3f800000 float
    bad d60000000000 time
    bad c70cff000000000000000000000001 time
    bad ce7fffffff date
    bad a161 bin
    bad c40161 str
    bad 01 bool
}

@test "damage leaves no file" {
    gn-gen --rows 50000 -o a.gn
    head -c 1500000 a.gn >cut.gn
    echo old >out.gn
    status 4 gn-cat -o out.gn a.gn cut.gn
    is old "$(cat out.gn)"
    is 1 "$(find . -name 'out.gn*' | wc -l)"
}

@test "no records, and a header alone" {
    stream 'build([("a","int")], [])' >a.gn
    gn-cat a.gn a.gn | header >h
    is 2 "$(wc -l <h)"
    is "" "$(gn-cat -f a --where 'a > 0' a.gn | records)"
    status 4 gn-cat /dev/null
}

tree_of_days() {
    gn-gen --rows 3000 --users 50 -o events.gn
    gn-partition --by date,act=action_type -d tree events.gn
}

@test "a directory is its files in the order of their paths" {
    tree_of_days
    find tree -name part.gn | LC_ALL=C sort >paths
    is "$(xargs <paths gn-cat | raw | sha256sum)" "$(gn-cat tree | raw | sha256sum)"
    is "$(gn-tocsv --no-header events.gn | sort)" "$(gn-cat tree | gn-tocsv --no-header | sort)"
    is "$(gn-cat tree | gn-tocsv --no-header | head -n 9)" "$(gn-cat tree/ events.gn | gn-tocsv --no-header | head -n 9)"
    mkdir none
    status 3 gn-cat none
    status 3 gn-cat --where 'true' none
    cp events.gn none/_hidden.gn
    cp events.gn none/manifest.gn
    status 3 gn-cat none
}

@test "--where on the keys of paths, against awk; no other file is opened" {
    tree_of_days
    gn-tocsv --no-header events.gn | awk -F , '{ print substr($2, 1, 10) "," $0 }' >plain
    while IFS='|' read -r where awk; do
        awk -F , "$awk { sub(/[^,]*,/, \"\"); print }" plain | sort >want
        # a file that must not be opened is one that would fail
        cp -r tree broken
        find broken -name part.gn -exec truncate -s 3 {} +
        gn-tocsv --no-header -f path tree/manifest.gn |
            sed -E 's/date=(.*)\/act=(.*)\/.*/\1,u,\1,\2,p,200000,&/' | awk -F , "$awk { print \$7 }" >meant
        (cd tree && xargs cp --parents -t ../broken <../meant)
        gn-cat --where "$where" broken | gn-tocsv --no-header | sort >got
        same want got || { echo "$where"; false; }
        rm -r broken
    done <<'END'
date = 2023-07-01|$1 == "2023-07-01"
date >= "2023-07-01" and act = "edit"|$1 >= "2023-07-01" && $4 == "edit"
act in ("edit", "share") and date between 2023-02-01 and 2023-02-28|($4 == "edit" || $4 == "share") && $1 >= "2023-02-01" && $1 <= "2023-02-28"
date < 2023-01-09 or act = "create"|$1 < "2023-01-09" || $4 == "create"
not (date >= 2023-01-09)|!($1 >= "2023-01-09")
duration_ms > 150000 and (act = 'edit' and date > 2023-12-01)|$6 > 150000 && $4 == "edit" && $1 > "2023-12-01"
END
    # a condition on both, that paths alone cannot decide
    is "$(awk -F , '$1 < "2023-02-01" || $6 > 250000' plain | wc -l)" \
        "$(gn-cat --where 'timestamp < 2023-02-01T00:00:00 or duration_ms > 250000' tree | gn-tocsv --no-header | wc -l)"
    status 3 gn-cat --where 'act = "edit" or duration_ms > 5' tree
    has "$(cat err)" "act"
}

@test "--where that no path fulfils: the fields and no records" {
    tree_of_days
    gn-cat --where 'date < 1999-01-01 and duration_ms > 5' --stats=s.json tree >none.gn
    is "$(gn-tocsv events.gn | head -n 1)" "$(gn-tocsv none.gn)"
    records --info none.gn >/dev/null
    is 1 "$(header none.gn | wc -l)"
    status 3 gn-cat --where 'date < 1999-01-01 and nosuch > 5' tree
    status 2 gn-cat --where 'date < ' tree
    status 2 gn-cat --where 'date < 5' tree
}

@test "keys of paths: null, the empty string, odd text, numbers; a part of the tree" {
    printf 'k,n\na/b,1\n"",2\n,3\n__HIVE_DEFAULT_PARTITION__,4\n50%%,10\n' | gn-fromcsv -o odd.gn
    gn-partition --by k,m=n -d tree odd.gn
    n() { gn-cat --where "$1" "${2:-tree}" | gn-tocsv --no-header -f n | xargs; }
    is 1 "$(n 'k = "a/b"')"
    is 2 "$(n 'k = ""')"
    is 3 "$(n 'k is null')"
    is 4 "$(n 'k = "__HIVE_DEFAULT_PARTITION__"')"
    is 10 "$(n 'k like "50%" and m > 9')"
    is "10" "$(n 'k = "50%"' 'tree/k=50%25')"
    is "" "$(n 'k = "a"' 'tree/k=50%25/m=10')"
}
