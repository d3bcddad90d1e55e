#!/bin/bash
# Null and the empty text stay apart on the way through a stream, and fields are quoted only where
# they must be.
set -euo pipefail

gn-fromcsv --schema name:str,note:str <<'CSV' | gn-tocsv
name,note
plain,"needlessly quoted"
null,
empty,""
"with, comma","with ""quotes"""
CSV
