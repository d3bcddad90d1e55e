#!/usr/bin/env bats
# gn-view: alignment, wide characters, safety, cutting, the first N of an endless stream.

load helper

stream() { # EXPRESSION of tests/oracle/gnstream.py's build, to standard output
    PYTHONPATH=$ORACLE "$PYTHON" -c "
import sys
from gnstream import build
sys.stdout.buffer.write($1)"
}

@test "text to the left, numbers to the right, nulls named" {
    stream 'build([("name","str"),("n","int"),("ratio","float"),("ok","bool"),("at","time"),("day","date"),("x","bin")],
        [("ab", 5, 0.25, True, 1688221815000000, 19539, b"\x01\xff"),
         (None, -1234567, 1e300, False, 1688221815500000, None, b""),
         ("a longer name", None, None, None, None, 0, None)])' | gn-view >got
    cat >want <<'END'
name                  n   ratio  ok     at                     day         x
-------------  --------  ------  -----  ---------------------  ----------  ----
ab                    5    0.25  true   2023-07-01 14:30:15    2023-07-01  01ff
null           -1234567  1e+300  false  2023-07-01 14:30:15.5  null
a longer name      null    null  null   null                   1970-01-01  null
END
    same want got
}

@test "wide and combining characters keep the columns straight" {
    stream 'build([("s","str"),("n","int")],
        [("日本語",1),("e\u0301te\u0301",22),("\U0001f600!",333),("abc",4444)])' | gn-view >got
    printf '%s\n' 's          n' '------  ----' '日本語     1' $'e\u0301te\u0301       22' \
        $'\U0001f600!      333' 'abc     4444' >want
    same want got
}

@test "nothing in the data reaches the terminal as a command" {
    stream 'build([("evil\x1b[31m","str")], [("\x1b]0;title\x07",), ("a\nb\tc\rd",), ("\u202eabc",),
        ("\x7f\u0080\u009b2J",), ("\ufeff\u2066x\u2028",), ("back\\slash",)])' >a.gn
    gn-view a.gn >got
    cat >want <<'END'
evil\x1b[31m
-------------------------
\x1b]0;title\x07
a\nb\tc\rd
\u{202e}abc
\x7f\x80\x9b2J
\u{feff}\u{2066}x\u{2028}
back\slash
END
    same want got
    gn-view --vertical a.gn | LC_ALL=C grep -c $'[\x01-\x09\x0b-\x1f\x7f]' >controls || true
    is 0 "$(cat controls)"
}

@test "a str that is no UTF-8 is damage, not something to show" {
    # A stream that says it is canonical, with the right checksum, but holds a broken str.
    PYTHONPATH=$ORACLE "$PYTHON" - >a.gn <<'END'
import sys, xxhash, gnstream
good = gnstream.build([("s", "str")], [("abcd",)])
at = good.index(b"abcd")
body = good[:at] + b"a\xffb\xc3" + good[at + 4:]
tail = body.index(b"\xa4xxh3") + 5
sys.stdout.buffer.write(body[:tail] + gnstream.pack(xxhash.xxh3_64_intdigest(body[:tail])))
END
    status 4 gn-view a.gn
    has "$(cat err)" 'not valid UTF-8'
}

@test "the first N, and whether there are more" {
    gn-gen --rows 30 -o a.gn
    is 23 "$(gn-view a.gn | wc -l)"
    is "(first 20 records shown; -n 0 shows all)" "$(gn-view a.gn | tail -n 1)"
    is "(first 2 records shown; -n 0 shows all)" "$(gn-view -n 2 a.gn | tail -n 1)"
    is 32 "$(gn-view -n 0 a.gn | wc -l)"
    is 32 "$(gn-view -n 30 a.gn | wc -l)"
    is 32 "$(gn-view -n 31 a.gn | wc -l)"
    gn-tocsv a.gn | tr , ' ' | tail -n +2 >want
    gn-view -n 0 a.gn | tail -n +3 | tr -s ' ' >got
    same want got
}

@test "it does not wait for the end of a stream that stays open" {
    gn-gen --rows 3000 >a.gn
    head -c 60000 a.gn >begin.gn
    mkfifo pipe
    (cat begin.gn; exec sleep 15) >pipe &
    feeder=$!
    SECONDS=0
    gn-view -n 5 <pipe >got
    [ "$SECONDS" -lt 10 ]
    kill "$feeder" 2>/dev/null || true
    is 8 "$(wc -l <got)"
    is "$(gn-view -n 5 a.gn)" "$(cat got)"
}

@test "upstream of a view ends by SIGPIPE, and the view succeeds" {
    run bash -c 'gn-gen --rows 100000000 | gn-view -n 3; echo "${PIPESTATUS[*]}"'
    is "141 0" "${lines[${#lines[@]} - 1]}"
}

@test "lines are cut to a width: text columns narrow, numbers stay whole" {
    stream 'build([("a","str"),("n","int"),("b","str")],
        [("abcdefghijklmnopqrstuvwxyz", 123456789, "short"), ("日本語日本語日本語", 5, "0123456789abc")])' >a.gn
    gn-view --width 40 a.gn >got
    cat >want <<'END'
a                       n  b
--------------  ---------  -------------
abcdefghijklm…  123456789  short
日本語日本語…           5  0123456789abc
END
    same want got
    gn-view --width 20 a.gn >got
    "$PYTHON" - <<'END'
import unicodedata
for line in open("got", encoding="utf-8").read().splitlines():
    assert sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line) <= 20, line
END
    has "$(cat got)" 'abcdefg…  123456789'
    is "$(gn-view a.gn)" "$(gn-view --width 0 a.gn)"
    COLUMNS=10 gn-view a.gn >got
    is "$(gn-view a.gn)" "$(cat got)"
}

@test "the terminal's width is taken when there is one" {
    need_terminal
    gn-gen --rows 3 -o a.gn
    "$PYTHON" - <<'END'
import fcntl, os, pty, struct, subprocess, termios
def lines(columns, **env):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    subprocess.run(["gn-view", "a.gn"], stdout=slave, check=True, env={**os.environ, **env})
    os.close(slave)
    out = b""
    while True:
        try:
            more = os.read(master, 65536)
        except OSError:
            break
        if not more:
            break
        out += more
    return out.decode().replace("\r", "").splitlines()
for columns, env in ((50, {}), (200, {"COLUMNS": "44"}), (300, {})):
    got = lines(columns, **env)
    limit = int(env.get("COLUMNS", columns))
    assert len(got) == 5 and max(map(len, got)) <= limit, got
    assert (max(map(len, got)) == limit) == (limit < 80), got
END
}

@test "--vertical" {
    stream 'build([("a","str"),("much_longer","int")], [("x\ny", 1), (None, None)])' >a.gn
    gn-view --vertical a.gn >got
    cat >want <<'END'
-- record 1 --
a            x\ny
much_longer  1
-- record 2 --
a            null
much_longer  null
END
    same want got
    gn-view --vertical -n 1 -f much_longer a.gn >got
    printf '%s\n' '-- record 1 --' 'much_longer  1' '(first record shown; -n 0 shows all)' >want
    same want got
}

@test "fields, zones, several segments" {
    stream 'build([("t","time"),("n","int")], [(1688221815000000, 1)])' >a.gn
    stream 'build([("n","int"),("other","str")], [(22, "x")])' >b.gn
    is $' n\n--\n 1\n22' "$(gn-view -f n a.gn b.gn)"
    is $'t                          n\n-------------------------  -\n2023-07-01 16:30:15+02:00  1' \
        "$(gn-view --tz Europe/Berlin a.gn)"
    cat a.gn a.gn b.gn a.gn | gn-view >got
    cat >want <<'END'
t                    n
-------------------  -
2023-07-01 14:30:15  1
2023-07-01 14:30:15  1

 n  other
--  -----
22  x

t                    n
-------------------  -
2023-07-01 14:30:15  1
END
    same want got
    status 3 gn-view -f nosuch a.gn
}

@test "no records" {
    stream 'build([("a","int"),("bc","str")], [])' >a.gn
    is $'a  bc\n-  --\n(no records)' "$(gn-view a.gn)"
    is "(no records)" "$(gn-view --vertical a.gn)"
}

@test "widths come from the first thousand rows, later ones are not held back" {
    stream 'build([("a","str"),("b","int")], [("x", i) for i in range(2500)] + [("y" * 30, 7)])' >a.gn
    gn-view -n 0 a.gn >got
    is 2503 "$(wc -l <got)"
    is "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy    7" "$(tail -n 1 got)"
    is "x  999" "$(sed -n 1002p got)"
    is "x  1000" "$(sed -n 1003p got)"
}

@test "a damaged stream is an error even where the table was shown" {
    gn-gen --rows 5 >a.gn
    head -c -1 a.gn >cut.gn
    status 4 gn-view cut.gn
}
