#!/usr/bin/env bats
# gn-sample: the sample that an independent computation of the hashes gives, whatever the input is
# cut into; claims and memory.

load helper

stream() { # EXPRESSION of tests/oracle/gnstream.py's build, to standard output
    PYTHONPATH=$ORACLE "$PYTHON" -c "
import sys
from gnstream import build
sys.stdout.buffer.write($1)"
}
info() { "$PYTHON" "$ORACLE/gnstream.py" --info "$@"; }

# oracle HOW IN: the records' raw bytes that should be kept. HOW: rate R seed, n N seed, and the
# numbers of key fields behind.
oracle() {
    PYTHONPATH=$ORACLE "$PYTHON" - "$@" <<'END'
import sys
import gnstream, msgpack, xxhash
how, value, seed, name = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
keys = [int(k) for k in sys.argv[5:]]
raw = [r for s in gnstream.parse(open(name, "rb").read()) for r in s.raw]
def unit(r):
    if not keys:
        return r
    v = msgpack.unpackb(r, timestamp=0, strict_map_key=False)
    return b"".join(gnstream.pack(v[k]) for k in keys)
def hashed(u):
    return xxhash.xxh3_64_intdigest(u, seed ^ 0x9e3779b97f4a7c15)
units = [unit(r) for r in raw]
if how == "rate":
    kept = [r for r, u in zip(raw, units) if hashed(u) < value * 2 ** 64]
elif keys:
    least = set(sorted(set(units), key=lambda u: (hashed(u), u))[:int(value)])
    kept = [r for r, u in zip(raw, units) if u in least]
else:
    least = sorted((hashed(r), r, i) for i, r in enumerate(raw))[:int(value)]
    kept = [raw[i] for i in sorted(i for _, _, i in least)]
sys.stdout.buffer.write(b"".join(kept))
END
}
raw() { "$PYTHON" "$ORACLE/gnstream.py" --raw "$@"; }

setup_file() {
    export DATA=$BATS_FILE_TMPDIR
    gn-gen --rows 6000 --users 300 -o "$DATA/a.gn"
    # many records twice
    gn-head -n 9000 "$DATA/a.gn" "$DATA/a.gn" >"$DATA/dup.gn"
}

@test "--rate: the records whose hash is below" {
    for r in 0 0.01 0.5 0.999 1 1e-9; do
        oracle rate $r 0 "$DATA/a.gn" >want
        gn-sample --rate $r "$DATA/a.gn" | raw >got
        same want got
    done
    oracle rate 0.1 77 "$DATA/a.gn" >want
    gn-sample --rate 0.1 --seed 77 "$DATA/a.gn" | raw >got
    same want got
    n=$(gn-sample --rate 0.1 "$DATA/a.gn" | gn-tocsv --no-header | wc -l)
    [ "$n" -gt 450 ] && [ "$n" -lt 750 ]
    # A sample of a lower rate lies in that of a higher one; other seeds give others.
    gn-sample --rate 0.1 "$DATA/a.gn" | gn-sample --rate 0.5 | raw >got
    gn-sample --rate 0.1 "$DATA/a.gn" | raw >want
    same want got
    gn-sample --rate 0.1 --seed 1 "$DATA/a.gn" | raw | cmp -s - want && false
    true
}

@test "--rate: cut and put together, the same" {
    gn-sample --rate 0.2 "$DATA/a.gn" | raw >want
    gn-head -n 2500 "$DATA/a.gn" >1.gn
    gn-tail -n 3500 "$DATA/a.gn" >2.gn
    cat 1.gn 2.gn | gn-sample --rate 0.2 | raw >got
    same want got
    { gn-sample --rate 0.2 1.gn | raw; gn-sample --rate 0.2 2.gn | raw; } >got
    same want got
}

@test "-k: whole keys" {
    for r in 0.05 0.5; do
        oracle rate $r 0 "$DATA/a.gn" 0 >want
        gn-sample --rate $r -k user_id "$DATA/a.gn" | raw >got
        same want got
        [ -s got ]
    done
    oracle rate 0.3 5 "$DATA/a.gn" 2 0 >want
    gn-sample --rate 0.3 --seed 5 -k action_type,user_id "$DATA/a.gn" | raw >got
    same want got
    # each user wholly or not at all
    gn-sample --rate 0.3 -k user_id "$DATA/a.gn" | gn-tocsv --no-header -f user_id | sort | uniq -c >got
    gn-tocsv --no-header -f user_id "$DATA/a.gn" | sort | uniq -c | grep -Fxf got >want
    same want got
}

@test "-n: the N least, in the order of the input" {
    for n in 0 1 10 1000 5999 6000 7000; do
        oracle n $n 0 "$DATA/a.gn" >want
        gn-sample -n $n "$DATA/a.gn" | raw >got
        same want got
    done
    for n in 1 2 4 1000 8999; do # equal records are counted each
        oracle n $n 3 "$DATA/dup.gn" >want
        gn-sample -n $n --seed 3 "$DATA/dup.gn" | raw >got
        same want got
        is $n "$(gn-sample -n $n --seed 3 "$DATA/dup.gn" | gn-tocsv --no-header | wc -l)"
    done
}

@test "-n with -k: N keys, with all their records" {
    for n in 0 1 7 100 299 1000; do
        oracle n $n 0 "$DATA/a.gn" 0 >want
        gn-sample -n $n -k user_id "$DATA/a.gn" | raw >got
        same want got
    done
    oracle n 40 9 "$DATA/dup.gn" 0 2 >want
    gn-sample -n 40 --seed 9 -k user_id,action_type "$DATA/dup.gn" | raw >got
    same want got
    gn-sample -n 25 -k user_id --stats=s "$DATA/a.gn" | gn-tocsv --no-header -f user_id >users
    is 25 "$(sort -u users | wc -l)"
    is 25 "$("$PYTHON" -c 'import json; print(json.load(open("s"))["counters"]["kept"])')"
}

@test "a null key is a key" {
    stream 'build([("k","str"),("v","int")], [(None,i) for i in range(5)] + [("x",9)])' >a.gn
    for seed in 0 1 2 3 4 5 6 7; do
        n=$(gn-sample -n 1 -k k --seed $seed a.gn | records | wc -l)
        [ "$n" = 5 ] || [ "$n" = 1 ]
    done
}

@test "segments map one to one and keep order and placement; the cover goes" {
    stream 'build([("a","int")], [(i,) for i in range(50)], {"order": [["a","asc"]], "total": True,
            "part": {"key": ["a"], "hash": "xxh3", "lo": 0, "hi": 2**64 - 1}})
        + build([("b","str"),("a","int")], [("x",1),("y",2)])' >a.gn || {
        info a.gn
        false
    }
    for how in "--rate 0.5" "-n 20" "-n 5 -k a" "-n 0"; do
        # shellcheck disable=SC2086
        gn-sample $how a.gn >out.gn
        records out.gn >/dev/null
        info out.gn >h
        is 4 "$(wc -l <h)"
        has "$(sed -n 1p h)" '"order": [["a", "asc"]], "total": true'
        has "$(sed -n 1p h)" '"part"'
        has "$(sed -n 3p h)" '"b"'
    done
    gn-gen --rows 100 -o g.gn
    info g.gn | finds '"cover"'
    for how in "--rate 1" "-n 1000"; do
        # shellcheck disable=SC2086
        gn-sample $how g.gn | info >h
        if grep -q '"cover"' h; then false; fi
        grep -q gn-gen h
        grep -q gn-sample h
    done
}

@test "memory: the sample within -m, else 5 and -m named" {
    gn-gen --rows 300000 -o a.gn
    status 5 gn-sample -n 290000 -m 16M a.gn
    has "$(cat err)" "-m"
    oracle n 50000 0 a.gn >want
    gn-sample -n 50000 -m 16M a.gn | raw >got
    same want got
}

@test "usage" {
    status 2 gn-sample "$DATA/a.gn"
    status 2 gn-sample --rate 0.1 -n 5 "$DATA/a.gn"
    for r in 1.1 -0.1 x '' nan; do
        status 2 gn-sample --rate "$r" "$DATA/a.gn"
    done
    status 2 gn-sample -n -1 "$DATA/a.gn"
    status 2 gn-sample -n 1 --seed -1 "$DATA/a.gn"
    status 3 gn-sample -n 1 -k nosuch "$DATA/a.gn"
    has "$(cat err)" "'nosuch'"
}
