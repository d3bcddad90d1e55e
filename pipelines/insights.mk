# The insights job as a dataflow. Run by pipelines/insights inside OUT, with the inputs as
# data/interactions and data/metadata, this directory as work/pipelines, and the variables of
# insights.conf in the environment; M1 and M2 are the memory of a filter that has a job's for itself or
# shares it with another.
#
#   data/interactions
#     index      work/index.gn            where the input is cut into RANGES
#     map        work/map/RANGE/          the events of a range, placed by user in PARTITIONS
#     partition  work/sorted/PART.gn      the events of some users, in order of user and time
#                work/sessions/PART.gn    their sessions
#                work/rollup/PART.gn      the days on which they were active
#                work/actions/PART.gn     their events by day and type
#     users      work/frequency/PART.gn   sessions of each user
#                work/periods/PART.gn     sessions of each day, week and month
#     merge      work/TABLE.gn, tables/TABLE.csv
#
# GNU parallel runs the jobs of a stage side by side; a job is a make of its own, for the targets of
# one range, partition or table. Every file appears under its name when it is whole, a stage's "done"
# when all its jobs have ended well: what exists is finished, and make goes on where it stopped.
#
# Files depend on the options in work/options, a file for each set of them, and on what they are made
# of; behind a "|" only on its being there, and only when they have to be made: parts and sorted
# partitions are removed when they have been read.
SHELL       := work/pipelines/step
.SHELLFLAGS := -c
MAKEFLAGS   += -rR
.SECONDARY:

PARTS := seq -f %04.0f 0 $$(($(PARTITIONS) - 1))
EACH  := parallel --will-cite --plain --ungroup --jobs $(JOBS) --halt now,fail=1 2>>work/log \
         make -f work/pipelines/insights.mk

ACTIVITY := daily_active_users weekly_active_users monthly_active_users rolling_active_users \
            user_stickiness
TABLES   := $(ACTIVITY) sessions session_overview session_histogram session_frequency \
            sessions_per_period bounce_rates action_distribution

.PHONY: tables
tables: $(TABLES:%=tables/%.csv)

STAGES := $(addprefix work/,map sorted sessions rollup actions partition frequency periods users \
                           fences overview histogram)

# --- Index. A new one begins everything anew. Where there is one range nothing reads it.

work/index.gn: work/options/read
	rm -rf $(STAGES) work/merge
	mkdir $(STAGES)
	$(if $(filter 1,$(RANGES)),touch $@,gn-fromcsv --index=$(RANGES) -o $@ data/interactions)

# --- Map. The rules active=any and active=engaged need these fields only, an expression may need any.

FIELDS = $$(case "$$ACTIVE" in any|engaged) \
             echo -f user_id,timestamp,action_type,page_id,duration_ms;; esac)
INPUT  = $(if $(filter 1,$(RANGES)),data/interactions,--index-file $< --range $*/$(RANGES))

work/map/%/manifest.gn: work/index.gn
	gn-fromcsv $(FIELDS) --input-tz "$$INPUT_ZONE" $(INPUT) | \
	    gn-partition -m $(M1) -k user_id -n $(PARTITIONS) -d work/map/$*

# Parts that were consumed are not there for other options: then all of them are made again.
CONSUMED := $(wildcard work/map/consumed)

work/map/done: work/index.gn $(if $(CONSUMED),work/options/sessions work/options/rollup work/options/actions)
	$(if $(CONSUMED),mv work/map work/gone; rm -rf work/gone)
	[ -e work/map ] || mkdir work/map
	seq $(RANGES) | $(EACH) work/map/{}/manifest.gn
	touch $@

# --- Partitions.

work/sorted/%.gn: | work/map/done
	gn-sort -m $(M1) -k user_id,timestamp -o $@ work/map/*/part-$*.gn

# In the order of the table. By user and start it would be another one, as u10_0 is before u1_0.
work/sessions/%.gn: work/index.gn work/options/sessions | work/sorted/%.gn
	gn-sessionize --summary --gap "$$GAP" -m $(M2) work/sorted/$*.gn | \
	    gn-sort -m $(M2) -k session_id -o $@

work/rollup/%.gn: work/index.gn work/options/rollup | work/sorted/%.gn
	gn-dau --partial --active "$$ACTIVE" --tz "$$ZONE" -m $(M1) -o $@ work/sorted/$*.gn

work/actions/%.gn: work/index.gn work/options/actions | work/sorted/%.gn
	gn-where 'user_id is not null and timestamp is not null' work/sorted/$*.gn | \
	    gn-agg --partial --tz "$$ZONE" -m $(M1) \
	        -k 'date = date(timestamp), action_type = coalesce(action_type, "(unknown)")' \
	        -a 'interactions = count(), users = distinct(user_id)' -o $@

work/partition/%: work/sessions/%.gn work/rollup/%.gn work/actions/%.gn
	$(if $(KEEP),,touch work/map/consumed; rm -f work/map/*/part-$*.gn work/sorted/$*.gn)
	touch $@

work/partition/done: work/index.gn work/options/sessions work/options/rollup work/options/actions \
                     | work/map/done
	$(PARTS) | $(EACH) work/partition/{}
	touch $@
	$(if $(KEEP),,mv work/map work/gone; rm -rf work/gone)

# --- Users. They are whole in their partition: figures of partitions add up.
#
# Behind a stream: only what is of the days to report.
REPORTED = $(if $(FROM)$(TO),| gn-where --tz "$$ZONE" \
    '$(FROM:%=date($1) >= %)$(if $(FROM),$(TO:%= and ))$(TO:%=date($1) <= %)')

work/frequency/%.gn: work/sessions/%.gn work/options/report
	gn-cat $< $(call REPORTED,session_start) | \
	    gn-agg --tz "$$ZONE" -m $(M1) -k user_id -a 'total_sessions = count(), \
	        bounced_sessions = count(if(is_bounce, 1, null)), \
	        active_days = distinct(date(session_start)), avg(session_duration_ms), \
	        first_session_date = min(date(session_start)), \
	        last_session_date = max(date(session_start))' | \
	    gn-select -o $@ 'user_id, total_sessions, bounced_sessions, active_days, \
	        sessions_per_active_day = total_sessions / active_days, avg_session_duration_ms, \
	        first_session_date, last_session_date'

PERIOD = gn-cat $< $(call REPORTED,session_start) | gn-select --tz "$$ZONE" \
    'period_type = "$1", period = str($2(session_start)), user_id, is_bounce'

work/periods/%.gn: work/sessions/%.gn work/options/report
	gn-cat <($(call PERIOD,day,date)) <($(call PERIOD,week,week)) <($(call PERIOD,month,month)) | \
	    gn-agg -m $(M1) -k period_type,period -a 'sessions = count(), users = distinct(user_id), \
	        bounced = count(if(is_bounce, 1, null))' -o $@

work/users/done: work/partition/done work/options/report
	$(PARTS) | $(EACH) work/frequency/{}.gn work/periods/{}.gn
	touch $@

# --- Merge. What takes long are jobs; the rest follows from them.

METRICS := session_duration_ms total_duration_ms actions_count unique_pages
MERGES  := tables/sessions.csv tables/session_frequency.csv work/daily_active_users.gn \
           work/action_distribution.gn work/periods.gn \
           $(METRICS:%=work/overview/%.gn) $(METRICS:%=work/histogram/%.gn)

work/merge: work/users/done
	printf '%s\n' $(MERGES) | $(EACH)
	touch $@

# One pass over the user-days makes all five.
$(ACTIVITY:%=work/%.gn) &: work/users/done
	gn-dau --merge -m $(M1) $(FROM:%=--from %) $(TO:%=--to %) \
	    --by day -o work/daily_active_users.gn \
	    --also week=work/weekly_active_users.gn \
	    --also month=work/monthly_active_users.gn \
	    --also rolling=work/rolling_active_users.gn \
	    --also stickiness=work/user_stickiness.gn work/rollup/*.gn

tables/sessions.csv: work/users/done
	gn-merge -m $(M1) work/sessions/*.gn $(call REPORTED,session_start) | gn-tocsv -o $@

tables/session_frequency.csv: work/users/done
	gn-merge -m $(M1) work/frequency/*.gn | gn-tocsv -o $@

work/periods.gn: work/users/done
	gn-merge -m $(M2) work/periods/*.gn | gn-agg -m $(M2) -k period_type,period -o $@ \
	    -a 'sessions = sum(sessions), users = sum(users), bounced = sum(bounced)'

work/action_distribution.gn: work/users/done
	gn-agg --merge -m $(M1) work/actions/*.gn $(call REPORTED,date) | gn-cat -o $@

# Quartiles of all sessions first, then the averages. Without spread nothing is an outlier: no fences.
work/fences/%.gn: work/users/done
	gn-cat -f session_start,$* work/sessions $(call REPORTED,session_start) | \
	    gn-agg -m $(M1) -a 'p25($*), p75($*)' | \
	    gn-select -o $@ \
	        'lower = if(p75_$* > p25_$*, p25_$* - 1.5 * (p75_$* - p25_$*), null), \
	         upper = if(p75_$* > p25_$*, p75_$* + 1.5 * (p75_$* - p25_$*), null)'

# A text that is empty is null as a float.
work/overview/%.gn: work/fences/%.gn
	IFS=, read -r lower upper < <(gn-tocsv --no-header $<); \
	gn-cat -f session_start,is_bounce,$* work/sessions $(call REPORTED,session_start) | \
	    gn-select "metric = 'avg_$*', value = $*, is_bounce, \
	        lower = float('$$lower'), upper = float('$$upper'), \
	        is_outlier = coalesce($* < float('$$lower') or $* > float('$$upper'), false)" | \
	    gn-agg -m $(M1) -k metric -a 'average = avg(value), \
	        value_without_bounces = avg(if(is_bounce, null, value)), \
	        value_without_outliers = avg(if(is_outlier, null, value)), n = count(value), \
	        n_outliers = count(if(is_outlier, 1, null)), \
	        lower_fence = min(lower), upper_fence = max(upper)' | \
	    gn-select -o $@ 'metric, value = average, value_without_bounces, value_without_outliers, \
	        n, n_outliers, lower_fence, upper_fence'

work/session_overview.gn: $(METRICS:%=work/overview/%.gn)
	gn-cat $^ | gn-sort -k metric -o $@

# Buckets of a minute up to two hours, or of one thing up to a hundred; the last has what is above.
work/histogram/%duration_ms.gn: WIDTH := 60000
work/histogram/%duration_ms.gn: LAST := 120
work/histogram/%.gn: WIDTH := 1
work/histogram/%.gn: LAST := 100
BUCKET = least(int($* / $(WIDTH)), $(LAST))

work/histogram/%.gn: work/users/done
	gn-cat -f session_start,$* work/sessions $(call REPORTED,session_start) | \
	    gn-select 'metric = "$*", bucket = $(BUCKET), lower = $(BUCKET) * $(WIDTH), \
	        upper = if($(BUCKET) < $(LAST), ($(BUCKET) + 1) * $(WIDTH), null)' | \
	    gn-agg -m $(M1) -k metric,bucket,lower,upper -a 'sessions = count()' -o $@

work/session_histogram.gn: $(METRICS:%=work/histogram/%.gn)
	gn-cat $^ | gn-sort -k metric,bucket -o $@

work/sessions_per_period.gn: work/periods.gn
	gn-select -o $@ 'period_type, period, sessions, users, sessions_per_user = sessions / users' $<

work/bounce_rates.gn: work/periods.gn
	gn-where 'period_type = "day"' $< | \
	    gn-select -o $@ 'date = date(period), dimension_name = "ALL", dimension_value = "ALL", \
	        total_sessions = sessions, bounced_sessions = bounced, bounce_rate = bounced / sessions'

tables/%.csv: work/%.gn | work/merge
	gn-tocsv -o $@ $<
