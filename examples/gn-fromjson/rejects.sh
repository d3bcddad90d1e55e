#!/bin/bash
# Bad lines go to a stream of their own, with their place and the reason.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >events.jsonl <<'JSON'
{"user_id":"u1","duration_ms":12}
{"user_id":"u2","duration_ms":"a while"}
{"user_id":"u3","duration_ms":
{"user_id":"u4","duration_ms":13}
JSON

gn-fromjson --schema user_id:str,duration_ms:int --on-error reject --reject bad.gn -o good.gn \
    events.jsonl
gn-tojson good.gn
gn-tocsv -f input,record,rule,reason bad.gn
