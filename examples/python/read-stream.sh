#!/bin/bash
# A stream read by Python with the ordinary msgpack package.
set -euo pipefail

gn-fromcsv <<CSV | "${PYTHON:-/usr/bin/python3}" "$(dirname "$0")/read_stream.py"
user_id,timestamp,duration_ms
u000001,2023-07-01 14:30:15,12000
u000002,2023-07-01 14:30:15.5,
CSV
