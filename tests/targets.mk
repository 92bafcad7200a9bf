# What is done with the programs: tests, lint, benchmarks, packaging.
.PHONY: programs unit-programs tools fuzz-programs replay-programs ready check unit lint sanitize valgrind fuzz bench demo \
        leak-matrix install uninstall dist deps clean help \
        print-flags check-tables
SUITES ?=
CHECKS ?=
FUZZ_SECONDS ?= 20

# What builds before it does something else uses all processors, unless somebody said how many.
ALL_CPUS = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

programs: $(PROGRAMS) ; @:
unit-programs: $(UNIT) ; @:
fuzz-programs: $(FUZZ) ; @:
replay-programs: $(REPLAY) ; @:
tools: $(TOOLS) ; @: ## build the helpers of the network tests
ready:
	$(Q)contrib/deps.sh --quiet build test
	$(Q)$(MAKE) --no-print-directory $(ALL_CPUS) programs unit-programs replay-programs tools

RUN = BUILD='$(abspath $(BUILD))' tests/run.sh
check: ## install what the tests need, build, run every test (root); SUITES='unit net' picks some
	$(Q)$(RUN) --root
	$(Q)$(MAKE) --no-print-directory ready
	$(Q)$(RUN) $(SUITES)

unit: ## build and run the unit tests
	$(Q)$(MAKE) --no-print-directory $(ALL_CPUS) unit-programs
	$(Q)$(RUN) unit

lint: ## format, two compilers, clang-tidy, layers, sizes, manual, ...; CHECKS='tidy layers' picks
	$(Q)BUILD='$(abspath $(BUILD))' tests/lint/run.sh $(CHECKS)

check-tables: # writes the tables of checks into README and manual page, from the registry
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/lint/registry.py '$(BUILD)/kumo-redirect' --write

print-flags: # for tests/lint
	@echo $(CPPFLAGS_ALL) $(CFLAGS_ALL)

# ---- the same tests, watched ---------------------------------------------------------------------

SAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
sanitize: ## unit tests, SMTP tests and corpora with AddressSanitizer and UBSan, built into build-asan
	$(Q)$(MAKE) --no-print-directory $(ALL_CPUS) BUILD=$(BUILD)-asan OPT='-O1 -g' HARDEN='-fPIE $(SAN)' \
	  programs unit-programs replay-programs tools
	$(Q)ASAN_OPTIONS=detect_stack_use_after_return=1 \
	  UBSAN_OPTIONS=print_stacktrace=1 BUILD='$(abspath $(BUILD))-asan' tests/run.sh unit smtp gen fuzz

valgrind: ## unit tests under valgrind
	$(Q)$(MAKE) --no-print-directory $(ALL_CPUS) unit-programs
	$(Q)WRAP='valgrind -q --error-exitcode=99 --leak-check=full --track-fds=no' $(RUN) unit

FUZZ_SAN := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
fuzz: ## every fuzzer for FUZZ_SECONDS (20); what it finds goes to tests/fuzz/corpus, which check replays
	$(Q)$(MAKE) --no-print-directory $(ALL_CPUS) BUILD=$(BUILD)-fuzz CC=clang OPT='-O1 -g' \
	  HARDEN='-fPIE $(FUZZ_SAN)' fuzz-programs
	$(Q)BUILD='$(abspath $(BUILD))-fuzz' FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run.sh

bench: ready ## measure (root)
	$(Q)BUILD='$(abspath $(BUILD))' tests/bench/run.sh

demo: ready ## show it at work, in network namespaces of its own (root)
	$(Q)BUILD='$(abspath $(BUILD))' tests/net/demo.sh

leak-matrix: ready ## every leak path against the documented line, its nft equivalent and us (root)
	$(Q)BUILD='$(abspath $(BUILD))' tests/net/matrix.sh

# ---- packaging -----------------------------------------------------------------------------------

SHARE := $(PREFIX)/share
into = $(foreach f,$(3),$(1):$(2):$(f))
# FOLDER:MODE:FILE
PLACED = $(call into,$(SBINDIR),755,$(BUILD)/kumo-redirect) \
         $(call into,$(BINDIR),755,$(BUILD)/kumo-sink $(BUILD)/kumo-gen) \
         $(call into,$(LIBEXECDIR),755,$(BUILD)/kumo-preflight $(BUILD)/kumo-fetch $(BUILD)/kumo-sink-tls) \
         $(call into,$(MANDIR)/man8,644,$(wildcard contrib/man/*.8)) \
         $(call into,$(SHARE)/bash-completion/completions,644,$(wildcard contrib/completion/bash/*)) \
         $(call into,$(SHARE)/zsh/site-functions,644,$(wildcard contrib/completion/zsh/_*)) \
         $(call into,$(SHARE)/fish/vendor_completions.d,644,$(wildcard contrib/completion/fish/*.fish)) \
         $(call into,$(PREFIX)/lib/systemd/system,644,$(wildcard contrib/systemd/*.service)) \
         $(call into,$(DATADIR)/rules,644,$(wildcard rules/*.nft rules/*.toml))
each_placed = @set -e; for p in $(PLACED); do \
  to="$(DESTDIR)$${p%%:*}/$${p\#\#*/}" from=$${p\#\#*:} mode=$${p\#*:}; mode=$${mode%%:*}; $(1); done

install: ## install below PREFIX (/usr/local), staged below DESTDIR
	$(Q)$(MAKE) --no-print-directory all
	$(call each_placed,echo "  INSTALL $$to"; install -D -m "$$mode" "$$from" "$$to")

uninstall: ## remove what install put there
	$(call each_placed,echo "  REMOVE  $$to"; rm -f "$$to")
	@rmdir '$(DESTDIR)$(DATADIR)/rules' '$(DESTDIR)$(DATADIR)' '$(DESTDIR)$(LIBEXECDIR)' 2>/dev/null || true

dist: ## a source archive in dist/, the same bytes for the same commit
	$(Q)mkdir -p dist
	$(Q)git archive --prefix=kumo-redirect-$(VERSION)/ HEAD | gzip -9n >dist/kumo-redirect-$(VERSION).tar.gz
	$(Q)sha256sum dist/kumo-redirect-$(VERSION).tar.gz

deps: ## install what building, testing and linting need (root, Debian or Ubuntu)
	$(Q)contrib/deps.sh all

clean: ## remove what was built
	$(Q)rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-fuzz dist

help: ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile tests/targets.mk | sed -E 's/:.*## /\t/' | expand -t 14
