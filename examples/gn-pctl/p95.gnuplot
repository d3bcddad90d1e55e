# The 50th and 95th percentile of each day: reads p95.csv, writes p95.png.
set terminal pngcairo size 900,400
set output "p95.png"
set datafile separator ","
set xdata time
set timefmt "%Y-%m-%d"
set format x "%b"
set logscale y
set ylabel "duration, ms"
set key top left
set grid y
plot "p95.csv" using 1:3 skip 1 with lines title "p95", \
     "p95.csv" using 1:2 skip 1 with lines title "p50"
