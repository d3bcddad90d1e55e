# Events joined with metadata, by the book: partition both sides by user, sort and merge them part by
# part, which does for data of any size, then keep what is wanted. Run by pipelines/join-compare inside
# a directory of its own, with data/interactions, data/metadata and work/pipelines linked there;
# join-optimised.mk makes the same records.
#
#   data/interactions
#     index      work/index.gn          where the input is cut into RANGES
#     map        work/events/RANGE/     the events of a range, placed by user in PARTITIONS
#   data/metadata
#     users      work/users/            metadata, placed alike
#     join       joined/PART.gn         the edits of some users, with what is known of them
#
# Nothing here is slow on purpose: all cores work, each stage streams, and all of it is within -m.
SHELL       := work/pipelines/step
.SHELLFLAGS := -c
MAKEFLAGS   += -rR
.SECONDARY:

PARTS := seq -f %04.0f 0 $$(($(PARTITIONS) - 1))
EACH   = parallel --will-cite --plain --ungroup --jobs $(JOBS) --halt now,fail=1 \
         --joblog work/$1.jobs 2>>work/log make -f work/pipelines/join-naive.mk

.PHONY: all
all: work/join

work/index.gn:
	mkdir -p joined
	gn-fromcsv --index=$(RANGES) -o $@ data/interactions

work/events/%/manifest.gn: work/index.gn
	gn-fromcsv --index-file $< --range $*/$(RANGES) | \
	    gn-partition -m $(M) -k user_id -n $(PARTITIONS) -d work/events/$*

work/users/manifest.gn:
	gn-fromcsv data/metadata | gn-partition -m $(M) -k user_id -n $(PARTITIONS) -d work/users

work/map: work/index.gn
	(echo work/users/manifest.gn; seq -f 'work/events/%.0f/manifest.gn' $(RANGES)) | $(call EACH,map)
	touch $@

# Of a user's rows the one with the latest join_date counts.
joined/%.gn: | work/map
	gn-sort -m $(M) -k user_id work/events/*/part-$*.gn | \
	    gn-join -m $(M) -k user_id --right-dup last --right-order join_date \
	        - <(gn-sort -m $(M) -k user_id work/users/part-$*.gn) | \
	    gn-where 'action_type in ("edit", "create") and duration_ms between 0s and 8h' | \
	    gn-select -o $@ 'user_id, timestamp, action_type, duration_ms, country, subscription_type'

work/join: work/map
	$(PARTS) | $(call EACH,join) joined/{}.gn
	touch $@
