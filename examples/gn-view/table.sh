#!/bin/bash
# A table for the eyes, the same cut to 50 columns, and one record field by field.
set -euo pipefail

gn-gen --table metadata --rows 4 | gn-view
gn-gen --table metadata --rows 4 | gn-view --width 50
gn-gen --table metadata --rows 4 | gn-view -n 1 --vertical
