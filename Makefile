# gn: build, test, demonstrate. No configure step. `make help` lists the targets.
.DEFAULT_GOAL := all
SHELL := /bin/bash

PREFIX  ?= /usr/local
DESTDIR ?=
MANDIR  ?= $(PREFIX)/share/man
CC      ?= cc
BUILD   ?= build
BIN     ?= bin
SAN     ?=
CFLAGS  ?= -O2 -g

# Evaluated when a recipe runs, so that targets which install packages can be read without them.
PKGS      := jansson libzstd libxxhash msgpack
PKG_FLAGS  = $(shell pkg-config --cflags $(PKGS))
LIBS       = -lcsv $(shell pkg-config --libs $(PKGS)) -lm
# The units' framework.
TEST_LIBS  = $(shell pkg-config --libs cmocka)

WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
           -Wwrite-strings -Wvla
CPPFLAGS_ALL = -std=c17 -D_GNU_SOURCE -Ilib $(CPPFLAGS)
CFLAGS_ALL   = $(WARN) -ffp-contract=off -fno-strict-overflow $(CFLAGS) \
               $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
LDFLAGS_ALL  = $(LDFLAGS) $(if $(SAN),-fsanitize=$(SAN))

LIB_SRC  := $(sort $(wildcard lib/*/*.c))
CMD_SRC  := $(sort $(wildcard cmd/gn-*.c))
UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
LIB_OBJ  := $(LIB_SRC:%.c=$(BUILD)/%.o)
CMDS     := $(CMD_SRC:cmd/%.c=$(BIN)/%)
UNITS    := $(UNIT_SRC:%.c=$(BUILD)/%)
FUZZERS  := $(FUZZ_SRC:%.c=$(BUILD)/%)

.PHONY: all units fuzzers
all: $(CMDS) ## build every command into bin/
units: $(UNITS)
fuzzers: $(FUZZERS)

# Rebuild when the compiler or a flag changes.
FLAGS_NOW = $(CC) $(CPPFLAGS_ALL) $(PKG_FLAGS) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(LIBS)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(FLAGS_NOW)' | cmp -s - $@ || echo '$(FLAGS_NOW)' > $@
.PHONY: FORCE
FORCE:

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(PKG_FLAGS) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

# The decoder's chain of tests must stay one: a jump table is a single branch nobody can predict.
$(BUILD)/lib/stream/batch.o: WARN += -fno-jump-tables

$(BUILD)/libgn.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

$(CMDS): $(BIN)/%: $(BUILD)/cmd/%.o $(BUILD)/libgn.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $< $(BUILD)/libgn.a $(LIBS)

$(UNITS): %: %.o $(BUILD)/libgn.a
	$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $< $(BUILD)/libgn.a $(TEST_LIBS) $(LIBS)

# Only as `make BUILD=... CC=clang SAN=address,undefined fuzzers`: see scripts/fuzz.
$(FUZZERS): %: %.o $(BUILD)/libgn.a
	$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -fsanitize=fuzzer -o $@ $< $(BUILD)/libgn.a $(TEST_LIBS) $(LIBS)

.SECONDARY:
-include $(LIB_OBJ:.o=.d) $(CMD_SRC:%.c=$(BUILD)/%.d) $(UNITS:%=%.d) $(FUZZERS:%=%.d)

# What follows runs the tools just built; -j is this machine's unless the caller gave one.
MAKE_J   = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$$(nproc))
ON_PATH  = PATH="$(abspath $(BIN)):$$PATH"

.PHONY: check demo insights enriched bench fuzz man
check: ## run all tests; the last line counts them
	scripts/install-deps check
	+BUILD='$(BUILD)' BIN='$(BIN)' CC='$(CC)' MAKE='$(MAKE)' scripts/check

demo: ## generate a sample and run the insights job on it, in out/demo/: [SIZE=1M] rows
	scripts/install-deps build
	+@$(MAKE) --no-print-directory -s $(MAKE_J) all
	@$(ON_PATH) SIZE='$(SIZE)' pipelines/demo out/demo

insights: ## the insights job on your files: INTERACTIONS=... METADATA=... OUT=... [see pipelines/insights.conf]
	scripts/install-deps build
	+@$(MAKE) --no-print-directory -s $(MAKE_J) all
	@$(ON_PATH) pipelines/insights

enriched: export ENRICHED = 1
enriched: insights ## the same, and the events with their users' attributes

bench: ## measure against other tools: [ROWS=10000000] [ONLY=sort,sessions] (scripts/bench/run --help)
	scripts/install-deps bench
	+@$(MAKE) --no-print-directory -s $(MAKE_J) all
	@$(ON_PATH) BUILD='$(BUILD)' CC='$(CC)' scripts/bench/run $(if $(ROWS),--rows $(ROWS)) \
	    $(if $(ONLY),--only $(ONLY))

fuzz: ## fuzz the readers: [FUZZ_SECONDS=600 for each]
	scripts/install-deps check
	+BUILD='$(BUILD)' MAKE='$(MAKE)' scripts/fuzz $(or $(FUZZ_SECONDS),600)

man: all ## bring the OPTIONS of the man pages up to date
	GN_BIN='$(BIN)' scripts/sync-man

.PHONY: install uninstall clean help
install: all ## into $(DESTDIR)$(PREFIX)
	install -d '$(DESTDIR)$(PREFIX)/bin'
	install -m 755 $(CMDS) '$(DESTDIR)$(PREFIX)/bin'
	for s in 1 5 7; do \
	    install -d '$(DESTDIR)$(MANDIR)/man'$$s && \
	    install -m 644 man/*.$$s '$(DESTDIR)$(MANDIR)/man'$$s || exit 1; \
	done

uninstall: ## take out what install put there
	rm -f $(CMD_SRC:cmd/%.c='$(DESTDIR)$(PREFIX)/bin/%')
	for page in man/*.[157]; do \
	    rm -f '$(DESTDIR)$(MANDIR)'/man"$${page##*.}/$${page##*/}"; \
	done

clean: ## remove what the build made (not out/)
	rm -f $(CMDS)
	[ ! -e $(BUILD)/flags ] || rm -rf $(BUILD)
	[ ! -d $(BIN) ] || rmdir --ignore-fail-on-non-empty $(BIN)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 18
	@echo '  Variables: CC CFLAGS CPPFLAGS LDFLAGS SAN=address,undefined BUILD BIN PREFIX DESTDIR'
