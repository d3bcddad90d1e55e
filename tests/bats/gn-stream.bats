#!/usr/bin/env bats
# gn-stream(5): the test vectors, and the hex dump that the page shows.

load helper

@test "the test vectors give what they must" {
    "$PYTHON" "$ORACLE/vectors.py" | tee got
    [ "$(tail -n 1 got)" = "$(find "$ROOT/tests/data/vectors" -name '*.json' | wc -l) vectors" ]
}

@test "the manual's hex dump is the vector 'plain'" {
    dump() { # the hex columns, joined
        sed -n 's/^\(\([0-9a-f][0-9a-f] \)\{1,16\}\) *#.*/\1/p' "$1" | tr -d ' \n'
    }
    is "$(dump "$ROOT/tests/data/vectors/plain.hex")" "$(dump "$ROOT/man/gn-stream.5")"
    [ -n "$(dump "$ROOT/man/gn-stream.5")" ]
}
