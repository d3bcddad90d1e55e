# The insights job as a dataflow. Run by pipelines/insights inside OUT, with the inputs as
# data/interactions and data/metadata, this directory as work/pipelines, and the variables of
# insights.conf in the environment, those left empty planned by gn-plan with the options PLAN; M1, M2 and
# M3 are the memory of a filter that has a job's for itself or shares it with one or two others.
#
#   data/interactions, data/metadata
#     index      work/index.gn             where the events are cut into RANGES
#                work/metadata.gn          where the metadata is cut into METADATA_RANGES
#     map        work/map/RANGE/           the events of a range, placed by user in PARTITIONS
#                work/metadata/RANGE/      rows of metadata likewise
#     partition  work/members/PART.gn      some users: one row each, in their order
#                work/sorted/PART.gn       their events, in order of user and time
#                work/sessions/PART.gn     their sessions, with attributes
#                work/rollup/PART.gn       the days on which they were active
#                work/userdays/PART.gn     the same as a table, with attributes
#                work/actions/PART.gn      their events by day and type
#                work/durations/PART.gn    their users and durations by device and day
#                work/versions/PART.gn     the same by version and day
#                work/totals/PART.gn       what each user did in all
#                work/effects/PART.gn      durations of devices, and means of users
#                work/hours/PART.gn        hours, with their users
#                work/bursts/PART.gn       unusual days of users
#                enriched/part-PART.gn     their events, with attributes, where asked for
#     users      work/frequency/PART.gn    sessions of each user
#                work/periods/PART.gn      sessions of each day, week and month
#                work/summary/PART.gn      sessions by day and attributes
#                work/lengths/PART.gn      the durations of these
#                work/dimensions/PART.gn   active users of periods by attributes
#                work/retention/PART.gn    users by week of joining, and the weeks they came back
#                work/profiles/PART.gn     figures of each user beside each other
#                work/quality/PART.gn      dirty events and metadata
#     merge      work/TABLE.gn, tables/TABLE.csv
#
# Users with several rows of metadata have the attributes of the one with the latest join date; users
# without any have none, and are reported as (unknown).
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

# What the filters may hold, planned anew when it is known what the partitions have.
$(foreach m,$(filter M1=% M2=% M3=%,$(file <work/replanned)),$(eval $m))

PARTS := seq -f %04.0f 0 $$(($(PARTITIONS) - 1))
EACH  := parallel --will-cite --plain --ungroup --jobs $(JOBS) --halt now,fail=1 2>>work/log \
         make -f work/pipelines/insights.mk

ACTIVITY := daily_active_users weekly_active_users monthly_active_users rolling_active_users \
            user_stickiness
TABLES   := $(ACTIVITY) active_users_by_dimension sessions session_summary session_overview \
            session_histogram session_frequency sessions_per_period bounce_rates \
            action_distribution device_performance performance_by_version \
            performance_by_release power_users user_engagement_percentiles \
            engagement_histogram cohort_retention cohort_retention_by_segment device_summary \
            device_effect metric_correlation hourly_activity anomalies data_quality

# A make that has seen a directory does not see what jobs put there: the tables are for another one.
.PHONY: tables published
tables: work/merge
	make --silent -f work/pipelines/insights.mk published

published: $(TABLES:%=tables/%.csv)

STAGES := $(addprefix work/,map sorted sessions rollup userdays actions durations \
                           versions totals effects hours bursts partition frequency periods \
                           summary lengths dimensions retention profiles quality users fences \
                           overview histogram)

# --- Index. A new one begins everything anew. Where there is one range nothing reads it.

work/index.gn: work/options/read
	rm -rf $(STAGES) work/merge enriched
	mkdir $(STAGES) $(if $(ENRICHED),enriched)
	$(if $(filter 1,$(RANGES)),touch $@,gn-fromcsv --index=$(RANGES) -o $@ data/interactions)

work/metadata.gn: work/options/metadata
	rm -rf work/metadata work/members
	mkdir work/metadata work/members
	$(if $(filter 1,$(METADATA_RANGES)),touch $@,\
	    gn-fromcsv --index=$(METADATA_RANGES) -o $@ data/metadata)

# --- Map. The rules active=any and active=engaged need these fields only, an expression may need any,
# and enriched events have all.

FIELDS = $(if $(ENRICHED),,$$(case "$$ACTIVE" in (any|engaged) \
             echo -f user_id,timestamp,action_type,page_id,duration_ms,app_version;; esac))
INPUT  = $(if $(filter 1,$(RANGES)),data/interactions,--index-file $< --range $*/$(RANGES))

work/map/%/manifest.gn: work/index.gn
	gn-fromcsv $(FIELDS) --input-tz "$$INPUT_ZONE" $(INPUT) | \
	    gn-partition -m $(M1) -k user_id -n $(PARTITIONS) -d work/map/$*

ATTRIBUTES     = join_date,country,device_type,subscription_type
METADATA_INPUT = $(if $(filter 1,$(METADATA_RANGES)),data/metadata,\
                      --index-file $< --range $*/$(METADATA_RANGES))

work/metadata/%/manifest.gn: work/metadata.gn
	gn-fromcsv -f user_id,$(ATTRIBUTES) $(METADATA_INPUT) | \
	    gn-partition -m $(M1) -k user_id -n $(PARTITIONS) -d work/metadata/$*

work/metadata/done: work/metadata.gn
	seq $(METADATA_RANGES) | $(EACH) work/metadata/{}/manifest.gn
	touch $@

# Parts that were consumed are not there for other options: then all of them are made again.
CONSUMED := $(wildcard work/map/consumed)

work/map/done: work/index.gn $(if $(CONSUMED),work/options/metadata work/options/sessions \
               work/options/rollup work/options/actions)
	$(if $(CONSUMED),mv work/map work/gone; rm -rf work/gone)
	[ -e work/map ] || mkdir work/map
	seq $(RANGES) | $(EACH) work/map/{}/manifest.gn
	gn-plan $(PLAN) $$(printf -- '--manifest %s ' work/map/*/manifest.gn) >>work/log
	gn-plan $(PLAN) $$(printf -- '--manifest %s ' work/map/*/manifest.gn) --make -o work/replanned
	touch $@

# --- Partitions.

work/sorted/%.gn: | work/map/done
	gn-sort -m $(M1) -k user_id,timestamp -o $@ work/map/*/part-$*.gn

# Of a user's rows the one with the latest join date. How many there were is reported.
work/members/%.gn: work/metadata.gn | work/metadata/done
	gn-uniq -m $(M1) -k user_id --keep join_date:desc --ties greatest --count rows --sort \
	    -o $@ work/metadata/*/part-$*.gn

# Attributes for the records of standard input, or of a file, that is in order of the user.
JOIN = gn-join -m $1 -k user_id --right-fields $2
SESSION_ATTRIBUTES   := device_type,country,subscription_type
DIMENSION_ATTRIBUTES := country,device_type,subscription_type

# In the order of the table. By user and start it would be another one, as u10_0 is before u1_0.
work/sessions/%.gn: work/index.gn work/options/sessions work/members/%.gn | work/sorted/%.gn
	gn-sessionize --summary --gap "$$GAP" -m $(M3) work/sorted/$*.gn | \
	    $(call JOIN,$(M3),$(SESSION_ATTRIBUTES)) - $(word 3,$^) | \
	    gn-sort -m $(M3) -k session_id -o $@

work/rollup/%.gn: work/index.gn work/options/rollup | work/sorted/%.gn
	gn-dau --partial --active "$$ACTIVE" --tz "$$ZONE" -m $(M1) -o $@ work/sorted/$*.gn

work/actions/%.gn: work/index.gn work/options/actions | work/sorted/%.gn
	gn-where 'user_id is not null and timestamp is not null' work/sorted/$*.gn | \
	    gn-agg --tz "$$ZONE" -m $(M1) \
	        -k 'date = date(timestamp), action_type = coalesce(action_type, "(unknown)")' \
	        -a 'interactions = count(), users = distinct(user_id)' -o $@

# A table of the user-days: what was done on the day, what of it qualifies, what was dirty. Events
# without user or time are there as well, with null for it.
ACTIVITY_RULE = $$(case "$$ACTIVE" in (any) echo true;; \
    (engaged) echo 'duration_ms > 10s and duration_ms < 4h';; (*) printf %s "$$ACTIVE";; esac)

work/userdays/%.gn: work/index.gn work/options/rollup work/members/%.gn | work/sorted/%.gn
	gn-agg --tz "$$ZONE" -m $(M2) -k 'user_id, date = date(timestamp)' -a "events = count(), \
	        events_ms = sum(if(duration_ms >= 0, duration_ms, null)), \
	        valid_durations = count(if(duration_ms >= 0, 1, null)), \
	        null_durations = count(if(duration_ms is null, 1, null)), \
	        long_durations = count(if(duration_ms > 8h, 1, null)), \
	        active = count(if($(ACTIVITY_RULE), 1, null)), \
	        active_ms = sum(if(($(ACTIVITY_RULE)) and duration_ms >= 0, duration_ms, null))" \
	        work/sorted/$*.gn | \
	    $(call JOIN,$(M2),$(DIMENSION_ATTRIBUTES)) --mark joined \
	        -o $@ - $(word 3,$^)

# Users and durations of groups and days: states, as percentiles of parts do not add up.
WITH_TIME = user_id is not null and timestamp is not null

work/durations/%.gn: work/index.gn work/options/actions work/members/%.gn | work/sorted/%.gn
	gn-select 'user_id, timestamp, duration_ms' work/sorted/$*.gn | \
	    $(call JOIN,$(M2),device_type) - $(word 3,$^) | \
	    gn-pctl --partial --tz "$$ZONE" -m $(M2) --where '$(WITH_TIME)' --by day \
	        -k 'device_type = coalesce(device_type, "(unknown)")' -o $@

work/versions/%.gn: work/index.gn work/options/actions | work/sorted/%.gn
	gn-select 'user_id, timestamp, duration_ms, \
	        app_version = coalesce(app_version, "(unknown)")' work/sorted/$*.gn | \
	    gn-pctl --partial --tz "$$ZONE" -m $(M1) --where '$(WITH_TIME)' --by day \
	        --level major.minor.patch -o $@

work/totals/%.gn: work/index.gn work/options/actions | work/sorted/%.gn
	gn-powerusers --partial --tz "$$ZONE" -m $(M1) -o $@ work/sorted/$*.gn

work/effects/%.gn: work/index.gn work/members/%.gn | work/sorted/%.gn
	gn-cat -f user_id,duration_ms --where '$(WITH_TIME)' work/sorted/$*.gn | \
	    $(call JOIN,$(M2),device_type) - $(word 2,$^) | gn-anova --partial -m $(M2) -o $@

work/hours/%.gn: work/index.gn | work/sorted/%.gn
	gn-cat --where '$(WITH_TIME)' work/sorted/$*.gn | \
	    gn-anomaly --rule temporal --partial --activity -m $(M1) -o $@

work/bursts/%.gn: work/index.gn work/options/actions | work/sorted/%.gn
	gn-anomaly --rule behavioural --tz "$$ZONE" -m $(M1) -o $@ work/sorted/$*.gn

enriched/part-%.gn: work/index.gn work/members/%.gn | work/sorted/%.gn
	$(call JOIN,$(M1),$(ATTRIBUTES)) -o $@ work/sorted/$*.gn $(word 2,$^)

work/partition/%: work/sessions/%.gn work/rollup/%.gn work/userdays/%.gn work/actions/%.gn \
                  work/durations/%.gn work/versions/%.gn work/totals/%.gn work/effects/%.gn \
                  work/hours/%.gn work/bursts/%.gn $(if $(ENRICHED),enriched/part-%.gn)
	$(if $(KEEP),,touch work/map/consumed; rm -f work/map/*/part-$*.gn work/sorted/$*.gn)
	touch $@

work/partition/done: work/index.gn work/metadata.gn work/options/sessions work/options/rollup \
                     work/options/actions | work/map/done work/metadata/done
	$(PARTS) | $(EACH) work/partition/{}
	touch $@
	$(if $(KEEP),,mv work/map work/gone; rm -rf work/gone)

# --- Users. They are whole in their partition: figures of partitions add up.
#
# In keys of tables an attribute that is missing is (unknown).
KNOWN      = $1 = coalesce($1, "(unknown)")
DIMENSIONS = $(call KNOWN,country), $(call KNOWN,device_type), $(call KNOWN,subscription_type)
#
# Behind a stream: only what is of the days to report.
REPORTED = $(if $(FROM)$(TO),| gn-where --tz "$$ZONE" \
    '$(FROM:%=date($1) >= %)$(if $(FROM),$(TO:%= and ))$(TO:%=date($1) <= %)')

work/frequency/%.gn: work/sessions/%.gn work/members/%.gn work/options/report
	gn-cat $< $(call REPORTED,session_start) | \
	    gn-agg --tz "$$ZONE" -m $(M2) -k user_id -a 'total_sessions = count(), \
	        bounced_sessions = count(if(is_bounce, 1, null)), \
	        active_days = distinct(date(session_start)), avg(session_duration_ms), \
	        first_session_date = min(date(session_start)), \
	        last_session_date = max(date(session_start))' | \
	    gn-select 'user_id, total_sessions, bounced_sessions, active_days, \
	        sessions_per_active_day = total_sessions / active_days, avg_session_duration_ms, \
	        first_session_date, last_session_date' | \
	    $(call JOIN,$(M2),$(SESSION_ATTRIBUTES)) -o $@ - $(word 2,$^)

PERIOD = <(gn-cat $< $(call REPORTED,session_start) | gn-agg --tz "$$ZONE" -m $(M3) \
    -k 'period_type = "$1", period = str($2(session_start))' \
    -a 'sessions = count(), users = distinct(user_id)')

work/periods/%.gn: work/sessions/%.gn work/options/report
	gn-cat -o $@ $(call PERIOD,day,date) $(call PERIOD,month,month) $(call PERIOD,week,week)

SESSION_KEY = date = date(session_start), $(call KNOWN,device_type), $(call KNOWN,country), \
              $(call KNOWN,subscription_type)

work/summary/%.gn: work/sessions/%.gn work/options/report
	gn-cat $< $(call REPORTED,session_start) | \
	    gn-agg --tz "$$ZONE" -m $(M1) -k '$(SESSION_KEY)' -a 'sessions = count(), \
	        users = distinct(user_id), bounced_sessions = count(if(is_bounce, 1, null)), \
	        total_actions = sum(actions_count), \
	        total_session_duration_ms = sum(session_duration_ms), \
	        total_event_duration_ms = sum(total_duration_ms), \
	        total_unique_pages = sum(unique_pages)' -o $@

# Their percentiles are those of all: states.
work/lengths/%.gn: work/sessions/%.gn work/options/report
	gn-cat $< $(call REPORTED,session_start) | \
	    gn-agg --partial --tz "$$ZONE" -m $(M1) -k '$(SESSION_KEY)' \
	        -a 'p50(session_duration_ms), p95(session_duration_ms)' -o $@

# A day has one record a user.
ACTIVE_PERIOD = <(gn-where 'user_id is not null and date is not null and active > 0' $< \
    $(call REPORTED,date) | gn-agg -m $(M3) -a 'active_users = $3, interactions = sum(active), \
        total_duration_ms = sum(coalesce(active_ms, 0))' \
        -k 'period_type = "$1", period = str($2(date)), $(DIMENSIONS)')

work/dimensions/%.gn: work/userdays/%.gn work/options/report
	gn-cat -o $@ $(call ACTIVE_PERIOD,day,date,count()) \
	    $(call ACTIVE_PERIOD,month,month,distinct(user_id)) \
	    $(call ACTIVE_PERIOD,week,week,distinct(user_id))

# All rows of the metadata, as the cohort is that of the earliest join date.
work/retention/%.gn: work/rollup/%.gn work/members/%.gn work/options/report
	gn-cohort --partial -m $(M1) $(FROM:%=--from %) $(TO:%=--to %) \
	    --segment subscription_type,device_type,country \
	    --members <(gn-cat work/metadata/*/part-$*.gn) -o $@ $<

# Days and sessions of a user, both in order of the user.
work/profiles/%.gn: work/userdays/%.gn work/frequency/%.gn work/options/report
	gn-where 'user_id is not null and date is not null' $< $(call REPORTED,date) | \
	    gn-agg -m $(M3) -k user_id -a 'interactions = sum(events), \
	        duration_ms = sum(coalesce(events_ms, 0)), days_active = count()' | \
	    $(call JOIN,$(M3),total_sessions) - $(word 2,$^) | \
	    gn-select 'duration_ms, interactions, days_active, \
	        sessions = coalesce(total_sessions, 0)' | \
	    gn-corr --partial -m $(M3) duration_ms,interactions,days_active,sessions -o $@

# Dirty events and metadata: of the whole input, whatever the days to report.
work/quality/events-%.gn: work/userdays/%.gn
	gn-agg -m $(M1) -a 'total = sum(events), null_user = sum(if(user_id is null, events, 0)), \
	        null_time = sum(if(date is null, events, 0)), null_duration = sum(null_durations), \
	        negative_duration = sum(events - valid_durations - null_durations), \
	        long_duration = sum(long_durations), \
	        unknown_user = sum(if(user_id is not null and joined = "left", events, 0))' -o $@ $<

work/quality/members-%.gn: work/members/%.gn
	gn-agg -m $(M1) -a 'total = sum(rows), null_user = sum(if(user_id is null, rows, 0)), \
	        duplicate_user = sum(if(user_id is null, 0, rows - 1)), \
	        null_join_date = sum(if(user_id is not null and join_date is null, 1, 0))' -o $@ $<

work/users/%: work/frequency/%.gn work/periods/%.gn work/summary/%.gn work/lengths/%.gn \
              work/dimensions/%.gn work/retention/%.gn work/profiles/%.gn \
              work/quality/events-%.gn work/quality/members-%.gn
	touch $@

work/users/done: work/partition/done work/options/report
	$(PARTS) | $(EACH) work/users/{}
	touch $@

# --- Merge. What takes long are jobs; the rest follows from them.

METRICS := session_duration_ms total_duration_ms actions_count unique_pages
MERGES  := tables/sessions.csv tables/session_frequency.csv work/daily_active_users.gn \
           work/action_distribution.gn work/sessions_per_period.gn work/session_summary.gn \
           work/active_users_by_dimension.gn work/device_performance.gn work/releases.gn \
           work/power_users.gn work/cohort_retention.gn \
           work/device_effect.gn work/metric_correlation.gn work/anomalies.gn \
           work/data_quality.gn \
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

work/sessions_per_period.gn: work/users/done
	gn-agg -m $(M1) -k period_type,period \
	        -a 'sessions = sum(sessions), users = sum(users)' work/periods/*.gn | \
	    gn-select -o $@ \
	        'period_type, period, sessions, users, sessions_per_user = sessions / users'

# Sums and percentiles come from states of their own, and have the same keys.
work/session_summary.gn: work/users/done
	gn-join -m $(M3) --strategy merge -k date,device_type,country,subscription_type -o $@ \
	    <(gn-merge -m $(M3) work/summary/*.gn | gn-agg -m $(M3) \
	        -k date,device_type,country,subscription_type -a 'sessions = sum(sessions), \
	        users = sum(users), bounced_sessions = sum(bounced_sessions), \
	        total_actions = sum(total_actions), \
	        total_session_duration_ms = sum(total_session_duration_ms), \
	        total_event_duration_ms = sum(total_event_duration_ms), \
	        total_unique_pages = sum(total_unique_pages)') \
	    <(gn-agg --merge -m $(M3) work/lengths/*.gn)

work/active_users_by_dimension.gn: work/users/done
	gn-agg -m $(M1) -k period_type,period,country,device_type,subscription_type \
	    -a 'active_users = sum(active_users), interactions = sum(interactions), \
	        total_duration_ms = sum(total_duration_ms)' -o $@ work/dimensions/*.gn

work/device_performance.gn: work/users/done
	gn-cat work/durations $(call REPORTED,period) | gn-pctl --merge -m $(M1) | \
	    gn-select -o $@ 'device_type, date = date(period), user_count = users, \
	        total_interactions, avg_duration_ms, p50_duration_ms, p95_duration_ms, \
	        p99_duration_ms'

# Versions and releases are levels of the same states.
work/releases.gn: work/users/done
	gn-cat work/versions $(call REPORTED,period) | \
	    gn-pctl --merge -m $(M1) --by day,week,whole --level major,major.minor,major.minor.patch -o $@

work/performance_by_version.gn: work/releases.gn
	gn-where 'level = "major.minor.patch"' $< | \
	    gn-select -o $@ 'app_version = release, period_type, period, users, $(PERFORMANCE)'

work/performance_by_release.gn: work/releases.gn
	gn-where -o $@ 'level <> "major.minor.patch"' $<

PERFORMANCE := total_interactions, p50_duration_ms, p95_duration_ms, p99_duration_ms, \
               avg_duration_ms, stddev_duration_ms, min_duration_ms, max_duration_ms

# Users are ranked among all, and of all days. The table is in order of the user.
work/power_users.gn work/user_engagement_percentiles.gn \
    work/engagement_histogram.gn &: work/users/done
	gn-powerusers --merge -m $(M3) --also percentiles=work/user_engagement_percentiles.gn \
	        --also histogram=work/engagement_histogram.gn work/totals/*.gn | \
	    gn-sort -m $(M3) -k user_id | \
	    $(call JOIN,$(M3),$(ATTRIBUTES)) -o work/power_users.gn - \
	        <(gn-merge -m $(M3) work/members/*.gn)

work/cohort_retention.gn work/cohort_retention_by_segment.gn &: work/users/done
	gn-cohort --merge -m $(M1) --also total=work/cohort_retention.gn \
	    -o work/cohort_retention_by_segment.gn work/retention/*.gn

# Of all days. Users without a device take no part.
work/device_effect.gn work/device_summary.gn &: work/users/done
	gn-anova --merge -m $(M1) --groups work/device_summary.gn -o work/device_effect.gn \
	    work/effects/*.gn

work/metric_correlation.gn: work/users/done
	gn-corr --merge -m $(M1) work/profiles/*.gn | \
	    gn-select -o $@ 'metric_a, metric_b, n, pearson, spearman'

# An hour is compared with one of all days, then those of the days to report are kept.
work/hours.gn work/unusual_hours.gn &: work/users/done
	gn-anomaly --rule temporal --merge -m $(M1) --hourly work/hours.gn \
	    -o work/unusual_hours.gn work/hours/*.gn

work/hourly_activity.gn: work/hours.gn
	gn-cat $< $(call REPORTED,hour) | gn-select -o $@ 'hour, interactions, users, \
	    avg_duration_ms, stddev_duration_ms, expected_interactions'

work/anomalies.gn: work/unusual_hours.gn
	gn-cat $< <(gn-merge -m $(M2) work/bursts/*.gn) $(call REPORTED,at) | \
	    gn-sort -m $(M2) -k rule,entity,at,ordinal -o $@

EVENT_RULES  := null_user null_time null_duration negative_duration long_duration unknown_user
MEMBER_RULES := null_user duplicate_user null_join_date
QUALITY = $(foreach r,$3,<(gn-agg -m $(M1) -a 'records = sum($r), total = sum(total)' \
    work/quality/$2-*.gn | gn-select "run_id = '$(RUN_ID)', input = '$1', rule = '$r', \
    severity = 'warn', records = coalesce(records, 0), total = coalesce(total, 0), \
    rate = records / total"))

work/data_quality.gn: work/users/done
	gn-cat $(call QUALITY,interactions,events,$(EVENT_RULES)) \
	    $(call QUALITY,metadata,members,$(MEMBER_RULES)) | gn-sort -k run_id,input,rule -o $@

work/action_distribution.gn: work/users/done
	gn-merge -m $(M2) work/actions/*.gn $(call REPORTED,date) | gn-agg -m $(M2) \
	    -k date,action_type -a 'interactions = sum(interactions), users = sum(users)' -o $@

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

BOUNCES = gn-select 'date, dimension_name = "$1", dimension_value = $2, sessions, bounced_sessions' $<

work/bounce_rates.gn: work/session_summary.gn
	gn-cat <($(call BOUNCES,ALL,"ALL")) <($(call BOUNCES,country,country)) \
	        <($(call BOUNCES,device_type,device_type)) \
	        <($(call BOUNCES,subscription_type,subscription_type)) | \
	    gn-agg -m $(M1) -k date,dimension_name,dimension_value \
	        -a 'total_sessions = sum(sessions), bounced_sessions = sum(bounced_sessions)' | \
	    gn-select -o $@ 'date, dimension_name, dimension_value, total_sessions, bounced_sessions, \
	        bounce_rate = bounced_sessions / total_sessions'

tables/%.csv: work/%.gn | work/merge
	gn-tocsv -o $@ $<
