#!/bin/bash
# By name, the greater value first; null comes last either way. Then one record of each name.
set -euo pipefail

csv() {
    printf 'name,value\nb,2\na,\na,9\nb,10\na,30\n,5\n'
}
csv | gn-fromcsv | gn-sort -k name,value:desc | gn-tocsv

echo "one of each:"
csv | gn-fromcsv | gn-sort -k name,value:desc | gn-sort --unique --stable -k name | gn-tocsv --no-header
