# The insights job as a dataflow. Run by pipelines/insights inside OUT, with the inputs as
# data/interactions and data/metadata, and the options ZONE, INPUT_ZONE, ACTIVE, FROM and TO in the
# environment.
#
# Every output is written under another name and renamed when it is whole (gn's -o, and the
# --also outputs together with it), so what exists is finished and make goes on where it stopped.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

ACTIVITY := daily_active_users weekly_active_users monthly_active_users rolling_active_users \
            user_stickiness
TABLES   := $(ACTIVITY)

.PHONY: tables
tables: $(TABLES:%=tables/%.csv)

# A preset of --active needs these fields only; an expression may need any.
PRUNE = $$(case "$$ACTIVE" in any|engaged) echo -f user_id,timestamp,duration_ms;; esac)

# One pass over the events makes all five.
$(ACTIVITY:%=work/%.gn) &: work/inputs
	gn-fromcsv $(PRUNE) --input-tz "$$INPUT_ZONE" data/interactions | \
	gn-dau --active "$$ACTIVE" --tz "$$ZONE" $${FROM:+--from "$$FROM"} $${TO:+--to "$$TO"} \
	    --by day -o work/daily_active_users.gn \
	    --also week=work/weekly_active_users.gn \
	    --also month=work/monthly_active_users.gn \
	    --also rolling=work/rolling_active_users.gn \
	    --also stickiness=work/user_stickiness.gn

tables/%.csv: work/%.gn
	gn-tocsv -o $@ $<
