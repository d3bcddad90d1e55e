#!/bin/bash
# Three records of a billion: everything upstream ends as soon as they are there. Its status is then
# 141 (closed pipe), which is no failure here.
set -euo pipefail

{ gn-gen --rows 1000000000 || [ $? -eq 141 ]; } | gn-head -n 3 | gn-tocsv
