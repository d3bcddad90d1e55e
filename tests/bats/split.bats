#!/usr/bin/env bats
# gn-cat --split: N parts are the input, whatever the file; a part of an indexed file reads only its
# own frames; covers tell a missing part and a doubled one.

load helper

@test "parts of random streams in every kind of file, whole and damaged" {
    "$PYTHON" "$ORACLE/split_diff.py" --bin "$GN_BIN" {1..12} | tee got
    has "$(cat got)" "12 seeds"
}

@test "a part of a large file reads its own frames and little else" {
    gn-gen --rows 400000 -o a.gn.zst
    gn-gen --rows 90000 --seed 2 -o b.gn
    size=$(wc -c <a.gn.zst)
    for ((i = 1; i <= 4; i++)); do
        gn-cat --split $i/4 --stats=stats a.gn.zst >"p$i.gn"
        read -r bytes rows < <(jq -r '"\(.bytes_in) \(.records_in)"' stats)
        # A quarter, a frame more or less, and the frames with the header and the trailer.
        ((bytes < size * 2 / 3 && rows > 400000 / 8 && rows < 400000 * 3 / 8))
    done
    records() { gn-tocsv --no-header "$@"; }
    cat p?.gn | records | cmp - <(records a.gn.zst)
    # Segments of several files, and files joined.
    gn-cat a.gn.zst b.gn a.gn.zst -o c.gn.zst
    cat a.gn.zst c.gn.zst >d.gn.zst
    for ((i = 1; i <= 5; i++)); do gn-cat --split $i/5 d.gn.zst b.gn; done | records |
        cmp - <(records d.gn.zst b.gn)
    gn-cat --split 3/9 --stats=stats d.gn.zst >/dev/null
    (($(jq .bytes_in stats) < $(wc -c <d.gn.zst) / 3))
    zstd -dcq d.gn.zst | cmp - <(zstd -dcq a.gn.zst && gn-cat a.gn.zst b.gn a.gn.zst)
}

@test "every command writes the index: gn-tee too, which passes on what it gets" {
    gn-gen --rows 200000 -o a.gn
    gn-gen --rows 0 -o b.gn
    cat a.gn b.gn a.gn | gn-tee -z c.gn.zst >d.gn.zst
    for f in c.gn.zst d.gn.zst; do
        zstd -dcq $f | cmp - <(cat a.gn b.gn a.gn)
        is true "$(gn-info --json $f | jq '.files[0].indexed')"
        for i in 1 2 3; do gn-cat --split $i/3 --stats=stats $f; done | gn-tocsv --no-header |
            cmp - <(gn-tocsv --no-header a.gn b.gn a.gn)
        (($(jq .bytes_in stats) < $(wc -c <$f) * 2 / 3))
    done
}

@test "one part is all: the very stream" {
    gn-gen --rows 70000 -o a.gn.zst
    zstd -dcq a.gn.zst >a.gn
    gn-cat a.gn >want
    for f in a.gn a.gn.zst; do gn-cat --split 1/1 $f | cmp - want; done
}

@test "partial states of the parts merge to the whole; without one or with one twice they are refused" {
    gn-gen --rows 300000 --users 5000 -o f.gn.zst
    zstd -dcq f.gn.zst >raw.gn
    gn-dau f.gn.zst | gn-tocsv >want
    for f in f.gn.zst raw.gn; do
        parallel -k --will-cite "gn-cat --split {}/4 $f | gn-dau --partial -o {}.gn" ::: 1 2 3 4
        gn-dau --merge [1-4].gn | gn-tocsv | cmp - want
        gn-dau --merge 3.gn 1.gn 4.gn 2.gn | gn-tocsv | cmp - want
        gn-dau --merge --partial 1.gn 2.gn -o 12.gn
        gn-dau --merge --partial 4.gn 3.gn -o 34.gn
        gn-dau --merge 34.gn 12.gn | gn-tocsv | cmp - want
        for out in 1 2 3 4; do
            mapfile -t others < <(printf '%s\n' {1..4}.gn | grep -v "^$out")
            status 3 gn-dau --merge "${others[@]}"
            has "$(cat err)" "parts of the sources are missing"
            status 3 gn-dau --merge {1..4}.gn "$out.gn"
            has "$(cat err)" "counted twice"
        done
        # The whole beside a part; all parts beside the whole.
        gn-dau --partial f.gn.zst -o whole.gn
        for i in 1 2 3 4; do status 3 gn-dau --merge whole.gn $i.gn; done
        status 3 gn-dau --merge {1..4}.gn whole.gn
    done
}

@test "more parts than places to cut: empty parts are streams, and merge" {
    gn-gen --rows 10 -o a.gn.zst
    for ((i = 1; i <= 7; i++)); do gn-cat --split $i/7 a.gn.zst | gn-dau --partial -o "$i.gn"; done
    gn-dau --merge {1..7}.gn | gn-tocsv | cmp - <(gn-dau a.gn.zst | gn-tocsv)
    gn-gen --rows 0 -o none.gn.zst
    for ((i = 1; i <= 3; i++)); do is "" "$(gn-cat --split $i/3 none.gn.zst | records)"; done
}

@test "the claims of a cut segment, and the options beside --split" {
    gn-gen --rows 200000 -o a.gn.zst
    cut() { gn-cat --split "$1/3" -f user_id,duration_ms --where 'duration_ms > 60s' a.gn.zst; }
    for i in 1 2 3; do cut $i; done | gn-tocsv --no-header |
        cmp - <(gn-cat -f user_id,duration_ms --where 'duration_ms > 60s' a.gn.zst | gn-tocsv --no-header)
    # Provenance knows no part numbers.
    node() { gn-cat --split "$1/2" a.gn.zst | gn-info --json - | jq -c '.files[0].roots'; }
    is "$(node 1)" "$(node 2)"
}

@test "what cannot be split is refused" {
    gn-gen --rows 10 -o a.gn
    for s in 0/2 3/2 1 1/ /2 x/y 1/2/3 -1/2 1/0 1/1000001; do status 2 gn-cat --split $s a.gn; done
    status 2 gn-cat --split 1/2
    status 2 gn-cat --split 1/2 -
    mkfifo pipe
    status 2 gn-cat --split 1/2 pipe
    status 5 gn-cat --split 1/2 nosuch.gn
    status 2 gn-cat --split 1/2 a.gn /dev/null
    : >empty
    status 4 gn-cat --split 2/2 empty
    echo text >text
    status 3 gn-cat --split 2/2 a.gn text
}

@test "a damaged or truncated file is an error of the part that it concerns" {
    gn-gen --rows 300000 -o a.gn.zst
    head -c 3000000 a.gn.zst >cut.gn.zst
    for i in 1 2; do status 4 gn-cat --split $i/2 cut.gn.zst; done
    cp a.gn.zst bad.gn.zst
    printf 'XYZ' | dd of=bad.gn.zst bs=1 seek=$(($(wc -c <a.gn.zst) / 2)) conv=notrunc status=none
    gn-cat --split 1/4 bad.gn.zst >/dev/null
    status 4 gn-cat --split 2/4 bad.gn.zst
    # A failure upstream is passed on silently.
    head -c 3000000 <(gn-gen --rows 200000) >cut.gn
    gn-cat -z cut.gn >failed.gn.zst 2>err && false
    gn-cat --split 1/2 failed.gn.zst >out 2>err && false
    is "" "$(cat err)"
}
