# Retention as a heat map, by gnuplot 5: cohorts downward, weeks to the right.
#   gn-cohort --members metadata.gn --percent events.gn | gn-tocsv >retention.csv
#   gnuplot -e "input='retention.csv'; output='retention.svg'" heatmap.gp
if (!exists("input")) input = "retention.csv"
if (!exists("output")) output = "retention.svg"
set terminal svg size 1000, 800 background "white"
set output output
set datafile separator comma
set datafile missing ""
set title "Retention by week of joining, per cent"
set xlabel "weeks after the week of joining"
set ylabel "week of joining"
set ydata time
set timefmt "%Y-%m-%d"
set format y "%Y-%m-%d"
set yrange [*:*] reverse noextend
set xrange [-0.5:*] noextend
set palette defined (0 "#f7fbff", 1 "#6baed6", 2 "#08306b")
set cblabel "per cent active"
# cohort_week, week_number, cohort_size, retained_users, retention_rate, complete; a box is a week wide
plot input using 2:(timecolumn(1, "%Y-%m-%d")):(0.5):(302400):5 skip 1 \
    with boxxyerror fillstyle solid noborder linecolor palette notitle
