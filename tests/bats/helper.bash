# helper.bash - what every bats file loads: the built commands on PATH, a scratch directory as the
# working directory, and a few assertions.
#
#   ROOT     the source tree            GN_BIN   the commands under test (default ROOT/bin)
#   ORACLE   tests/oracle               PYTHON   the Python that has msgpack, xxhash and sqlite3

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
GN_BIN=$(cd "$ROOT" && cd "${GN_BIN:-bin}" && pwd) || {
    echo "no commands in '${GN_BIN:-$ROOT/bin}': run make first" >&2
    exit 1
}
PYTHON=${PYTHON:-/usr/bin/python3}
ORACLE=$ROOT/tests/oracle
PATH=$GN_BIN:$PATH
PYTHONDONTWRITEBYTECODE=1
LC_ALL=C.UTF-8
TZ=UTC
export ROOT GN_BIN PYTHON ORACLE PATH PYTHONDONTWRITEBYTECODE LC_ALL TZ
unset GN_TRACE GN_TMPDIR TMPDIR TZDIR COLUMNS
set -o pipefail
[ -z "${BATS_TEST_TMPDIR:-}" ] || cd "$BATS_TEST_TMPDIR" || exit 1

# The commands there are, one name a line.
commands() {
    local f
    for f in "$GN_BIN"/gn-*; do
        [ -f "$f" ] && [ -x "$f" ] && basename "$f"
    done
}

# is WANT GOT [WHAT]: equal strings, or a readable failure.
is() {
    if [ "$1" != "$2" ]; then
        printf '%s\n--- wanted\n%s\n--- got\n%s\n' "${3:-not equal}" "$1" "$2" >&2
        return 1
    fi
}

# same A B: equal files, or a readable failure.
same() {
    cmp -s "$1" "$2" && return 0
    echo "'$1' and '$2' differ:" >&2
    { diff -a -u "$1" "$2" || true; } | head -40 >&2
    return 1
}

# has TEXT PART: PART occurs in TEXT.
has() {
    case $1 in
    *"$2"*) return 0 ;;
    esac
    printf '%s\n--- does not hold\n%s\n' "$1" "$2" >&2
    return 1
}

# ... | finds [OPTION] PATTERN: some line matches. Not grep -q, which leaves at the first match: what
# writes more then would die by SIGPIPE, and the test with it, now and then.
finds() {
    grep "$@" | cat >/dev/null
}

# seeds FROM-TO: these, or under a sanitizer, which is slow, the first third of them.
seeds() {
    local from=${1%-*} to=${1#*-}
    [ -z "${GN_SANITIZED:-}" ] || to=$((from + (to - from) / 3))
    echo "$from-$to"
}

# status WANT COMMAND...: runs it for at most 60 s, keeps its output in the files out and err, and
# fails unless it ends with that status. With a status other than 0, 1 and 141 the error is one line
# of the common form.
status() {
    local want=$1 got=0
    shift
    timeout 60 "$@" >out 2>err || got=$?
    if [ "$got" != "$want" ]; then
        { echo "status $got, not $want: $*"; head -c 2000 err; } >&2
        return 1
    fi
    case $want in
    0 | 1 | 141) return 0 ;;
    esac
    one_error err
}

# one_error FILE: exactly one line "gn-x: error: ...", lower case first, no full stop.
one_error() {
    local lines
    lines=$(wc -l <"$1")
    if [ "$lines" != 1 ] || ! grep -Eq '^gn-[a-z]+: error: [^A-Z]' "$1" || grep -q '\.$' "$1"; then
        { echo "not one error line of the common form:"; head -c 2000 "$1"; } >&2
        return 1
    fi
}

# records FILE...: the records of streams as JSON lines, by a decoder that shares no code with gn.
records() {
    "$PYTHON" "$ORACLE/gnstream.py" "$@"
}

# A small interactions file with every field, quotes and nulls: 8 records, 3 users.
small_csv() {
    cat <<'END'
user_id,timestamp,action_type,page_id,duration_ms,app_version
u000001,2023-01-01 10:00:00,page_view,p000001,12000,5.1.0
u000002,2023-01-01 11:30:00,edit,p000002,500,5.1.0
u000001,2023-01-01 23:59:59,edit,"p,3",300000,6.0.1
u000003,2023-01-02 00:00:00,share,p000004,,6.0.1
u000001,2023-01-02 12:00:00,delete,p000001,-5,5.1.0
u000002,2023-01-09 08:00:00,create,"p ""q""",99000000,7.9.9
u000003,2023-02-01 00:00:01,page_view,,10000,7.9.9
u000003,2023-02-01 00:00:01,page_view,,10000,7.9.9
END
}

# Skip a test that needs a pseudo-terminal where there are none (a bare chroot without devpts).
need_terminal() {
    "$PYTHON" -c 'import pty; pty.openpty()' 2>/dev/null || skip "no pseudo-terminals here"
}
