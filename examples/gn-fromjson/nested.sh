#!/bin/bash
# Keys inside objects become fields with a dot; types are inferred; an array stays JSON text. What
# comes later and is no field is passed over, a missing key is null.
set -euo pipefail

gn-fromjson <<'JSON' | gn-view
{"at":"2023-07-01T14:30:15Z","user":{"id":"u1","plan":"free"},"ms":12,"tags":["a","b"]}
{"at":"2023-07-01T16:30:15+02:00","user":{"id":"u2"},"ms":7.5}

{"user":{"id":"u3","plan":"basic"},"at":null,"tags":[]}
JSON
