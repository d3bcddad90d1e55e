# Events joined with metadata, after thinking: the same records as join-naive.mk makes, run in the same
# way.
#
#   data/interactions
#     index      work/index.gn          where the input is cut into RANGES
#     read       work/read/RANGE.gn     the fields and events that the result needs, no others
#     hot        work/hot.gn            users with more than half a partition, and their factors
#     map        work/events/RANGE/     the events of a range, placed by user and salt
#   data/metadata
#     users      work/users/            metadata, that of hot users once for every salt, placed alike
#     join       joined/PART.gn         the edits of some users, with what is known of them
#
# What is different, and why:
#   projection       fields that the result does not have are not even parsed
#   early filter     nor do events travel that it does not have
#   salting          a hot user's events are spread over several parts
#   hash, not sort   the users of a part fit in memory: its events stream by, in any order
SHELL       := work/pipelines/step
.SHELLFLAGS := -c
MAKEFLAGS   += -rR
.SECONDARY:

PARTS := seq -f %04.0f 0 $$(($(PARTITIONS) - 1))
EACH   = parallel --will-cite --plain --ungroup --jobs $(JOBS) --halt now,fail=1 \
         --joblog work/$1.jobs 2>>work/log make -f work/pipelines/join-optimised.mk

.PHONY: all
all: work/join

work/index.gn:
	mkdir -p work/read joined
	gn-fromcsv --index=$(RANGES) -o $@ data/interactions

work/read/%.gn: work/index.gn
	gn-fromcsv -f user_id,timestamp,action_type,duration_ms \
	    --where 'action_type in ("edit", "create") and duration_ms between 0s and 8h' \
	    --index-file $< --range $*/$(RANGES) -o $@

work/read/all: work/index.gn
	seq -f 'work/read/%.0f.gn' $(RANGES) | $(call EACH,read)
	touch $@

# Half of what a partition should have: so much a hot user may add to those of the others.
TARGET = $$(cat work/read/*.gn | wc -c | awk '{ print int($$1 / $(PARTITIONS) / 2) + 1 }')

work/hot.gn: work/read/all
	gn-hotkeys -m $(M) --target-size $(TARGET) -o $@ work/read/*.gn

work/events/%/manifest.gn: work/hot.gn
	gn-salt --hot $< work/read/$*.gn | \
	    gn-partition -m $(M) -k user_id --salt salt -n $(PARTITIONS) -d work/events/$*

work/users/manifest.gn: work/hot.gn
	gn-fromcsv -f user_id,join_date,country,subscription_type data/metadata | \
	    gn-salt --hot $< --explode | \
	    gn-partition -m $(M) -k user_id --salt salt -n $(PARTITIONS) -d work/users

work/map: work/hot.gn
	(echo work/users/manifest.gn; seq -f 'work/events/%.0f/manifest.gn' $(RANGES)) | $(call EACH,map)
	touch $@

# Of a user's rows the one with the latest join_date counts.
joined/%.gn: | work/map
	gn-cat work/events/*/part-$*.gn | \
	    gn-join -m $(M) -k user_id,salt --right-dup last --right-order join_date \
	        -f user_id,timestamp,action_type,duration_ms,country,subscription_type \
	        -o $@ - work/users/part-$*.gn

work/join: work/map
	$(PARTS) | $(call EACH,join) joined/{}.gn
	touch $@
