#!/usr/bin/env bats
# Manual pages: one for each command, clean, in step with the option tables, and found from gn(7).
# shellcheck disable=SC2015,SC2030,SC2031

load helper

setup() {
    bad=0
    cd "$ROOT/man" || return 1
}

complain() {
    echo "$*" >&2
    bad=1
}

@test "every command has a page, every page of section 1 a command" {
    for c in $(commands); do
        [ -f "$c.1" ] || complain "no man/$c.1"
    done
    for p in *.1; do
        [ -x "$GN_BIN/${p%.1}" ] || complain "man/$p, but no command"
    done
    [ -f gn.7 ] && [ -f gn-stream.5 ]
    [ "$bad" = 0 ]
}

@test "mandoc finds nothing to warn of" {
    for p in *.[1-9]; do
        mandoc -T lint -W warning "$p" >"$BATS_TEST_TMPDIR/lint" 2>&1 || true
        [ ! -s "$BATS_TEST_TMPDIR/lint" ] || complain "$(cat "$BATS_TEST_TMPDIR/lint")"
    done
    [ "$bad" = 0 ]
}

@test "OPTIONS are those of the command" {
    for c in $(commands); do
        [ -f "$c.1" ] || continue
        for mark in 'BEGIN OPTIONS' 'END OPTIONS'; do
            is 1 "$(grep -cxF ".\\\" $mark" "$c.1")" "$c.1: $mark" || bad=1
        done
        sed -n '/^\.\\" BEGIN OPTIONS$/,/^\.\\" END OPTIONS$/p' "$c.1" | sed '1d;$d' >"$BATS_TEST_TMPDIR/page"
        "$c" --help=mdoc >"$BATS_TEST_TMPDIR/own"
        # The markers may or may not stand inside the list.
        grep -v '^\.[BE]l' "$BATS_TEST_TMPDIR/page" >"$BATS_TEST_TMPDIR/page2" || true
        grep -v '^\.[BE]l' "$BATS_TEST_TMPDIR/own" >"$BATS_TEST_TMPDIR/own2"
        [ -s "$BATS_TEST_TMPDIR/own2" ] || complain "$c --help=mdoc is empty"
        same "$BATS_TEST_TMPDIR/page2" "$BATS_TEST_TMPDIR/own2" || complain "$c.1: run scripts/sync-man"
    done
    [ "$bad" = 0 ]
}

@test "the sections there must be, and a name line that names the command" {
    for c in $(commands); do
        [ -f "$c.1" ] || continue
        for s in NAME SYNOPSIS DESCRIPTION OPTIONS 'EXIT STATUS' EXAMPLES 'SEE ALSO'; do
            grep -qx "\.Sh $s" "$c.1" || complain "$c.1: no $s"
        done
        grep -qx "\.Nm $c" "$c.1" || complain "$c.1 does not name $c"
        grep -q '^\.Xr gn 7' "$c.1" || complain "$c.1 does not lead to gn(7)"
    done
    [ "$bad" = 0 ]
}

@test "gn(7) names every page; every reference leads to a page" {
    mandoc -T utf8 gn.7 | col -b >"$BATS_TEST_TMPDIR/gn.txt" 2>/dev/null ||
        mandoc -T ascii gn.7 | sed 's/.\x08//g' >"$BATS_TEST_TMPDIR/gn.txt"
    for p in *.[1-9]; do
        [ "$p" = gn.7 ] && continue
        grep -qE "^\.(Xr|It Xr) ${p%.*} ${p##*.}|\.Nm ${p%.*}$" gn.7 ||
            grep -q "${p%.*}" "$BATS_TEST_TMPDIR/gn.txt" || complain "gn(7) does not name $p"
    done
    while read -r name section; do
        case $name in gn | gn-*) [ -f "$name.$section" ] || complain "no page $name($section)" ;; esac
    done < <(sed -n 's/.*\.\{0,1\}Xr \(gn[a-z-]*\) \([1-9]\).*/\1 \2/p' -- *.[1-9] | sort -u)
    [ "$bad" = 0 ]
}

@test "pages speak of the product alone" {
    if grep -nE '/work/|/tmp/|\bAI\b|\bissue|TODO|FIXME|XXX' -- *.[1-9]; then false; fi
}
