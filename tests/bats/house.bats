#!/usr/bin/env bats
# The house itself: floors, the skeleton of a new command, the installer, installing, the pages.

load helper

# A copy of the sources without what was built, as ./tree.
copy_tree() {
    mkdir tree
    (cd "$ROOT" && tar cf - --exclude='*.pyc' Makefile .clang-format cmd lib man scripts examples \
        tests/bats/helper.bash tests/oracle) | tar xf - -C tree
}

@test "check-floors finds an include that goes upward, a circle, a command that reaches down too far, and printing" {
    copy_tree
    mkdir -p tree/tests/bats
    for c in tree/cmd/gn-*.c; do
        c=$(basename "$c" .c)
        touch "tree/tests/bats/$c.bats" "tree/man/$c.1"
        mkdir -p "tree/examples/$c"
        touch "tree/examples/$c/x.sh"
    done
    "$ROOT/scripts/check-floors" tree

    echo '#include "../stream/schema.h"' >>tree/lib/base/num.h
    "$ROOT/scripts/check-floors" tree 2>err && false
    has "$(cat err)" "base/ includes stream/schema.h, which is above it"
    cp "$ROOT/lib/base/num.h" tree/lib/base/

    echo '#include "io/in.h"' >>tree/cmd/gn-cat.c
    "$ROOT/scripts/check-floors" tree 2>err && false
    has "$(cat err)" "a command includes io/in.h"
    cp "$ROOT/cmd/gn-cat.c" tree/cmd/

    printf '#include "circleb.h"\n' >tree/lib/base/circlea.h
    printf '#include "circlea.h"\n' >tree/lib/base/circleb.h
    "$ROOT/scripts/check-floors" tree 2>err && false
    has "$(cat err)" "circle"
    rm tree/lib/base/circle?.h

    printf 'void f(void);\n/* exit(1) */\nvoid f(void) { exit(1); }\n' >tree/lib/op/loud.c
    "$ROOT/scripts/check-floors" tree 2>err && false
    is "check-floors: lib/op/loud.c:3: only lib/app prints or exits" "$(cat err)"
    rm tree/lib/op/loud.c

    rm tree/man/gn-cat.1
    "$ROOT/scripts/check-floors" tree 2>err && false
    has "$(cat err)" "no man page man/gn-cat.1"
}

@test "new-filter writes a command that compiles and passes its test" {
    copy_tree
    cd tree
    scripts/new-filter keepers
    scripts/new-filter keepers && false
    # The library is built already: link against it.
    mkdir bin
    lib=$(cd "$ROOT" && realpath "${BUILD:-build}")/libgn.a
    # shellcheck disable=SC2016  # for make to expand
    read -ra libs < <(make -s --eval 'libs:;@echo $(LIBS)' libs)
    ${CC:-cc} -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -Ilib \
        ${GN_SANITIZED:+-fsanitize="$GN_SANITIZED"} -o bin/gn-keepers cmd/gn-keepers.c "$lib" \
        "${libs[@]}"
    cp "$GN_BIN"/gn-fromcsv "$GN_BIN"/gn-tocsv bin/
    mandoc -T lint -W warning man/gn-keepers.1
    GN_BIN=bin scripts/sync-man gn-keepers
    mandoc -T lint -W warning man/gn-keepers.1
    GN_BIN=bin scripts/sync-man --check gn-keepers
    (unset "${!BATS_@}" && GN_BIN=$PWD/bin bats tests/bats/gn-keepers.bats)
    PATH=$PWD/bin:$PATH examples/gn-keepers/first.sh | diff - examples/gn-keepers/first.out
}

@test "new-filter refuses odd names" {
    for name in '' gn-x X a/b 'a b'; do
        "$ROOT/scripts/new-filter" "$name" 2>err && false
        has "$(cat err)" usage
    done
}

@test "sync-man sees a page that has drifted" {
    copy_tree
    sed -i '/BEGIN OPTIONS/a .It Fl -no-such-option' tree/man/gn-cat.1
    GN_BIN=$GN_BIN tree/scripts/sync-man --check gn-cat >out && false
    has "$(cat out)" "-.It Fl -no-such-option"
    has "$(cat out)" "0 passed, 1 failed"
    GN_BIN=$GN_BIN tree/scripts/sync-man gn-cat
    same "$ROOT/man/gn-cat.1" tree/man/gn-cat.1
}

@test "install-deps does nothing where all is there, and knows its lists" {
    command -v apt-get >/dev/null || skip "no apt-get"
    # Should it want to install after all, this apt-get and sudo fail.
    mkdir fake
    printf '#!/bin/sh\nexit 99\n' | tee fake/apt-get >fake/sudo
    chmod +x fake/*
    is "" "$(PATH=$PWD/fake:$PATH "$ROOT/scripts/install-deps" check 2>&1)"
    has "$("$ROOT/scripts/install-deps" --list)" libcsv-dev
    has "$("$ROOT/scripts/install-deps" check --list)" bats
    "$ROOT/scripts/install-deps" nonsense 2>err && false
    has "$(cat err)" usage
}

@test "install and uninstall, with PREFIX and DESTDIR" {
    copy_tree
    cd tree
    # Commands that are up to date already: nothing is compiled here.
    make --no-print-directory -s -o all BIN="$GN_BIN" PREFIX=/usr DESTDIR="$PWD/d" install
    for c in $(commands); do
        [ -x "d/usr/bin/$c" ]
        [ -f "d/usr/share/man/man1/$c.1" ]
    done
    [ -f d/usr/share/man/man5/gn-stream.5 ]
    [ -f d/usr/share/man/man7/gn.7 ]
    make --no-print-directory -s BIN="$GN_BIN" PREFIX=/usr DESTDIR="$PWD/d" uninstall
    is "" "$(find d -type f)"
}

@test "help lists the targets" {
    make -C "$ROOT" --no-print-directory help >out
    for target in all check demo insights bench fuzz install clean; do
        has "$(cat out)" "make $target"
    done
}

@test "the README shows what happens" {
    # shellcheck disable=SC2016  # the back quotes are Markdown's
    sed -n '/^```console$/,/^```$/{/^```/!p;}' "$ROOT/README.md" >wanted
    [ -s wanted ]
    mkdir -p out/demo/data
    ln -s "$GN_BIN" bin
    gn-gen --model realistic --users 100000 --rows 1000000 |
        gn-tocsv -o out/demo/data/interactions.csv
    gn-gen --model realistic --table metadata --users 100000 --rows 100000 |
        gn-tocsv -o out/demo/data/metadata.csv
    # Each line that begins with "$ " is a command; show it, then run it.
    sed -n 's/^\$ //p' wanted | while IFS= read -r line; do
        printf 'printf "%%s\\n" %q\n{ %s; } 2>&1\n' "\$ $line" "$line"
    done >script
    bash script >got || true # the last command shows a truncated stream
    same wanted got
}

@test "no test takes a writer's death by SIGPIPE for a failure" {
    # shellcheck disable=SC2016
    is "" "$(grep -nE '[^|]\| *grep -[a-zA-Z]*q' "$ROOT"/tests/bats/*.bats)" "use '| finds PATTERN' (tests/bats/helper.bash)"
}
