# kumo-redirect. Targets: make help
VERSION  := 0.1.0
PREFIX   ?= /usr/local
DESTDIR  ?=
BUILD    ?= build
# One spelling: the dependencies that were written down name their objects by it.
override BUILD := $(patsubst $(CURDIR)/%,%,$(abspath $(BUILD)))
V        ?= 0
PKGCONF  ?= pkg-config
OPT      ?= -O2 -g
ifeq ($(origin CC),default)
CC       := gcc
endif

QUIET := $(findstring s,$(firstword -$(MAKEFLAGS)))
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V))$(QUIET),,@printf '  %-7s %s\n' $(1) $(2))

SBINDIR    ?= $(PREFIX)/sbin
BINDIR     ?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/libexec/kumo-redirect
MANDIR     ?= $(PREFIX)/share/man
DATADIR    ?= $(PREFIX)/share/kumo-redirect

REDIRECT_LIBS := libmnl libnftnl libnl-3.0 libnl-route-3.0 jansson libcap
SINK_LIBS     := jansson libcap libseccomp
# Only kumo-sink-tls speaks TLS: loading that takes longer than all else until a sink listens.
SINK_TLS_LIBS := $(SINK_LIBS) openssl
# Only kumo-preflight asks DNS: no other program has to load what that takes.
PREFLIGHT_LIBS := ldns libidn2 libcap libseccomp libcrypto
GEN_LIBS      := jansson openssl
# Only kumo-fetch speaks HTTPS.
FETCH_LIBS    := libcurl openssl libcap libseccomp
# What every start of kumo-redirect would map and relocate anew is linked in where its archive is there
# (Debian's -dev packages bring them): a tenth of the time of `up`. STATIC= links all of it as shared.
STATIC ?= nftnl nl-3 jansson cap
archive = $(wildcard $(LIBDIR)/lib$(1:-l%=%).a)
in_archive = $(foreach w,$(1),$(or $(if $(filter $(w),$(STATIC:%=-l%)),$(call archive,$(w))),$(w)))
# Loaded when a command needs them (include/kr/late.h), so only their headers are needed.
LATE_LIBS     := libnetfilter_conntrack libmd libzstd
ALL_LIBS      := $(sort $(REDIRECT_LIBS) $(SINK_TLS_LIBS) $(PREFLIGHT_LIBS) $(GEN_LIBS) $(FETCH_LIBS) $(LATE_LIBS))

# What compiles in this very make asks pkg-config; the rest works before anything is installed.
COMPILES := all programs unit-programs tools fuzz-programs replay-programs print-flags $(BUILD)/% $(CURDIR)/% tests/% src/%
ifneq ($(filter $(COMPILES),$(or $(MAKECMDGOALS),all)),)
MISSING := $(shell for p in $(firstword $(CC)) $(PKGCONF); do command -v $$p >/dev/null || echo $$p; done; \
                   for l in $(ALL_LIBS); do $(PKGCONF) --exists $$l 2>/dev/null || echo $$l; done)
ifneq ($(MISSING),)
$(error Not installed: $(MISSING). On Debian or Ubuntu run: sudo make deps)
endif
PKG_CFLAGS     := $(shell $(PKGCONF) --cflags $(ALL_LIBS))
LIBDIR         := $(shell $(PKGCONF) --variable=libdir libnftnl)
# libnftnl's archive needs libmnl, which so stands behind it too.
REDIRECT_LD    := $(call in_archive,$(shell $(PKGCONF) --libs $(REDIRECT_LIBS))) -lmnl
LATE_LD        := $(shell $(PKGCONF) --libs $(LATE_LIBS))
SINK_LD        := $(shell $(PKGCONF) --libs $(SINK_LIBS)) -lm
SINK_TLS_LD    := $(shell $(PKGCONF) --libs $(SINK_TLS_LIBS)) -lm
PREFLIGHT_LD   := $(shell $(PKGCONF) --libs $(PREFLIGHT_LIBS))
FETCH_LD       := $(shell $(PKGCONF) --libs $(FETCH_LIBS))
GEN_LD         := $(shell $(PKGCONF) --libs $(GEN_LIBS)) -lm
endif

WARN := -Wall -Wextra -Wconversion -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes \
        -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Werror
HARDEN := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
CPPFLAGS_ALL = -D_GNU_SOURCE -DKR_VERSION='"$(VERSION)"' -DKR_BINDIR='"$(BINDIR)"' \
               -DKR_LIBEXECDIR='"$(LIBEXECDIR)"' -Iinclude $(CPPFLAGS)
CFLAGS_ALL   = -std=gnu11 $(OPT) $(WARN) $(HARDEN) $(PKG_CFLAGS) $(CFLAGS)
LDFLAGS_ALL  = -pie -Wl,-z,relro,-z,now $(LDFLAGS)

LAYERS := base net facts act report
objs = $(patsubst %.c,$(BUILD)/%.o,$(wildcard src/$(1)/*.c))
lib  = $(foreach l,$(1),$(BUILD)/libkr-$(l).a)
# Static libraries, highest layer first, as the linker wants them.
LIB_redirect := $(call lib,report act facts net base)
LIB_sink     := $(call lib,sink base)
LIB_preflight := $(call lib,facts net base)
LIB_fetch     := $(call lib,facts net base)
LIB_gen       := $(call lib,gen base)

PROGRAMS := $(BUILD)/kumo-redirect $(BUILD)/kumo-sink $(BUILD)/kumo-sink-tls $(BUILD)/kumo-preflight $(BUILD)/kumo-fetch $(BUILD)/kumo-gen
UNIT  := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*/test_*.c))
TOOLS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/tools/*.c))
FUZZ  := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAY := $(patsubst $(BUILD)/tests/fuzz/fuzz_%,$(BUILD)/tests/fuzz/replay_%,$(FUZZ))

all: $(PROGRAMS) ## build the programs (the default)

# Compiled anew when the compiler or its flags are not those of the last time.
ifneq ($(PKG_CFLAGS),)
HOW := $(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(REDIRECT_LD) $(SINK_TLS_LD) $(PREFLIGHT_LD) $(FETCH_LD)
quoted := '$(subst ','\'',$(HOW))'
$(shell mkdir -p $(BUILD) && printf '%s\n' $(quoted) | cmp -s - $(BUILD)/how || \
        printf '%s\n' $(quoted) >$(BUILD)/how)
endif

$(BUILD)/%.o: %.c $(BUILD)/how
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# The folder is a prerequisite so that a file that went leaves the library too.
define layer_lib
$(BUILD)/libkr-$(1).a: $(2) src/$(1)
	$$(call say,AR,$$@)
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$(filter %.o,$$^)
endef
$(foreach l,$(LAYERS),$(eval $(call layer_lib,$(l),$(call objs,$(l)))))
$(eval $(call layer_lib,sink,$(filter-out %/main.o %/clear.o %/secure.o,$(call objs,sink))))
$(eval $(call layer_lib,gen,$(filter-out %/main.o,$(call objs,gen))))

link = $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $(filter %.o %.a,$^)

$(BUILD)/kumo-redirect: $(call objs,cmd) $(LIB_redirect) src/cmd
	$(call say,LD,$@)
	$(Q)$(link) $(REDIRECT_LD)

$(BUILD)/kumo-sink: $(BUILD)/src/sink/main.o $(BUILD)/src/sink/clear.o $(LIB_sink)
	$(call say,LD,$@)
	$(Q)$(link) $(SINK_LD) -lpthread

$(BUILD)/kumo-sink-tls: $(BUILD)/src/sink/main.o $(BUILD)/src/sink/secure.o $(LIB_sink)
	$(call say,LD,$@)
	$(Q)$(link) $(SINK_TLS_LD) -lpthread

$(BUILD)/kumo-preflight: $(call objs,preflight) $(LIB_preflight) src/preflight
	$(call say,LD,$@)
	$(Q)$(link) $(PREFLIGHT_LD)

$(BUILD)/kumo-fetch: $(call objs,fetch) $(LIB_fetch) src/fetch
	$(call say,LD,$@)
	$(Q)$(link) $(FETCH_LD)

$(BUILD)/kumo-gen: $(BUILD)/src/gen/main.o $(LIB_gen)
	$(call say,LD,$@)
	$(Q)$(link) $(GEN_LD)

# A unit test lives in the folder of the layer it tests and links that layer and those below.
libs_base   := $(call lib,base)
libs_net    := $(call lib,net base)
libs_facts  := $(call lib,facts net base)
libs_act    := $(call lib,act facts net base)
libs_report := $(LIB_redirect)
libs_cmd    := $(filter-out %/main.o,$(call objs,cmd)) $(LIB_redirect)
libs_sink   := $(BUILD)/src/sink/secure.o $(LIB_sink)
libs_gen    := $(LIB_gen)
.SECONDEXPANSION:
$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $$(libs_$$(firstword $$(subst /, ,$$*)))
	$(call say,LD,$@)
	$(Q)$(link) $(REDIRECT_LD) $(SINK_TLS_LD) $(PREFLIGHT_LD) -lcmocka -lpthread -Wl,--as-needed $(LATE_LD)

# Small programs the network tests and benchmarks use; each is one file, free of our own libraries.
$(BUILD)/tests/tools/%: tests/tools/%.c $(BUILD)/how
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP $(LDFLAGS_ALL) -o $@ $< $(TOOL_LIBS) -lpthread
$(BUILD)/tests/tools/tlsload: TOOL_LIBS := -lssl -lcrypto

# A fuzzer includes the .c file it is about; the libraries give what that needs (make fuzz). Without
# libFuzzer, replay.c plays the kept corpus.
libs_fuzz := $(call lib,sink gen) $(LIB_redirect)
fuzzer = $(CC) $(CPPFLAGS_ALL) -Isrc $(CFLAGS_ALL) -MMD -MP $(LDFLAGS_ALL) -o $@ $< $(1) \
         $(libs_fuzz) $(REDIRECT_LD) $(SINK_TLS_LD) $(PREFLIGHT_LD) -lpthread
$(BUILD)/tests/fuzz/replay_%: tests/fuzz/fuzz_%.c $(BUILD)/tests/fuzz/replay.o $(libs_fuzz)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(call fuzzer,$(BUILD)/tests/fuzz/replay.o)

$(BUILD)/tests/fuzz/%: tests/fuzz/%.c $(libs_fuzz)
	$(call say,FUZZ,$<)
	@mkdir -p $(@D)
	$(Q)$(call fuzzer,-fsanitize=fuzzer)

# The tests name what they need by its absolute path.
$(CURDIR)/$(BUILD)/%: $(BUILD)/% ; @:

-include $(shell find $(BUILD)/src $(BUILD)/tests -type f -name '*.d' 2>/dev/null)
.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: all
include tests/targets.mk
