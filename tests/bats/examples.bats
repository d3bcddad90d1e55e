#!/usr/bin/env bats
# Every examples/*/*.sh runs with the commands on PATH, from the top of the tree as its comments say
# and from anywhere else, and prints what stands beside it.
# shellcheck disable=SC2015,SC2030,SC2031

load helper

examples() {
    find "$ROOT/examples" -name '*.sh' -type f | sort
}

@test "there are examples, each with what it prints, each executable bit or shebang in order" {
    bad=0
    [ "$(examples | wc -l)" -ge 1 ]
    for f in $(examples); do
        [ -f "${f%.sh}.out" ] || { echo "no ${f%.sh}.out" && bad=1; }
        head -n 1 "$f" | finds '^#!/.*sh' || { echo "$f: no #! line" && bad=1; }
        grep -q '^set -euo pipefail' "$f" || { echo "$f: no 'set -euo pipefail'" && bad=1; }
    done
    for c in $(commands); do
        compgen -G "$ROOT/examples/$c/*.sh" >/dev/null || { echo "no example for $c" && bad=1; }
    done
    [ $bad = 0 ]
}

# A copy, so that an example that writes beside itself is seen, and the tree stays clean; from elsewhere,
# as users do.
@test "each prints what stands beside it, and leaves the tree and the working directory as they were" {
    bad=0
    cp -r "$ROOT/examples" examples
    [ ! -e "$ROOT/pipelines" ] || ln -s "$ROOT/pipelines" pipelines
    find examples -type f | sort | xargs sha256sum >before
    mkdir tmp elsewhere
    for f in $(cd "$ROOT" && find examples -name '*.sh' -type f | sort); do
        [ -f "${f%.sh}.out" ] || continue
        got=0
        (cd elsewhere && TMPDIR=$PWD/../tmp timeout 60 bash "../$f") >got 2>err </dev/null || got=$?
        [ $got = 0 ] || { echo "$f: status $got" && cat err && bad=1; }
        same "${f%.sh}.out" got || { echo "$f prints something else" && cat err && bad=1; }
        [ -z "$(ls -A tmp)" ] || { echo "$f leaves $(ls -A tmp) in TMPDIR" && bad=1; }
    done
    find examples -type f | sort | xargs sha256sum >after
    same before after
    [ -z "$(ls -A elsewhere)" ] || { echo "left: $(ls -A elsewhere)" && bad=1; }
    [ $bad = 0 ]
}
