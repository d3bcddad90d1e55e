#!/bin/bash
# A tree of files: directories called key=value become columns. Two columns of one country are
# taken while reading.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

for day in 2023-07-01 2023-07-02; do
    for country in DE US; do
        mkdir -p "log/date=$day/country=$country"
        printf 'user,ms\n%s1,100\n%s2,250\n' $country $country \
            >"log/date=$day/country=$country/part.csv"
    done
done

gn-fromcsv log | gn-view
echo
gn-fromcsv -f date,user --where 'country = "US" and ms > 200' log | gn-tocsv
