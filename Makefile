# kumo-redirect. Targets: make help
VERSION  := 0.1.0
PREFIX   ?= /usr/local
DESTDIR  ?=
BUILD    ?= build
CC       ?= gcc
V        ?= 0
PKGCONF  ?= pkg-config
OPT      ?= -O2 -g

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' $(1) $(2))

SBINDIR    ?= $(PREFIX)/sbin
BINDIR     ?= $(PREFIX)/bin
MANDIR     ?= $(PREFIX)/share/man
DATADIR    ?= $(PREFIX)/share/kumo-redirect

REDIRECT_LIBS := libmnl libnftnl libnl-3.0 libnl-route-3.0 libnetfilter_conntrack jansson libcap-ng
SINK_LIBS     := jansson libcap-ng libseccomp
ALL_LIBS      := $(sort $(REDIRECT_LIBS) $(SINK_LIBS))

# Targets that must work before the dependencies are installed never ask pkg-config.
NO_PKG := clean deps help check demo
ifneq ($(filter-out $(NO_PKG),$(or $(MAKECMDGOALS),all)),)
PKG_CFLAGS     := $(shell $(PKGCONF) --cflags $(ALL_LIBS) || echo -DKR_RUN_make_deps_FIRST)
REDIRECT_LD    := $(shell $(PKGCONF) --libs $(REDIRECT_LIBS))
SINK_LD        := $(shell $(PKGCONF) --libs $(SINK_LIBS))
endif

WARN := -Wall -Wextra -Wconversion -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes \
        -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Werror
HARDEN := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
CPPFLAGS_ALL = -D_GNU_SOURCE -DKR_VERSION='"$(VERSION)"' -DKR_BINDIR='"$(BINDIR)"' -Iinclude $(CPPFLAGS)
CFLAGS_ALL   = -std=gnu11 $(OPT) $(WARN) $(HARDEN) $(PKG_CFLAGS) $(CFLAGS)
LDFLAGS_ALL  = -pie -Wl,-z,relro,-z,now $(LDFLAGS)

LAYERS := base net facts act report
objs = $(patsubst %.c,$(BUILD)/%.o,$(wildcard src/$(1)/*.c))
# Static libraries, highest layer first, as the linker wants them.
LIB_redirect := $(foreach l,report act facts net base,$(BUILD)/libkr-$(l).a)
LIB_sink     := $(BUILD)/libkr-sink.a $(BUILD)/libkr-base.a

PROGRAMS := $(BUILD)/kumo-redirect $(BUILD)/kumo-sink
UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/*/test_*.c))
TOOLS := $(patsubst tests/tools/%.c,$(BUILD)/tests/tools/%,$(wildcard tests/tools/*.c))

all: $(PROGRAMS)

$(BUILD)/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

define layer_lib
$(BUILD)/libkr-$(1).a: $(call objs,$(1))
	$$(call say,AR,$$@)
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call layer_lib,$(l))))

$(BUILD)/libkr-sink.a: $(filter-out $(BUILD)/src/sink/main.o,$(call objs,sink))
	$(call say,AR,$@)
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/kumo-redirect: $(call objs,cmd) $(LIB_redirect)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(REDIRECT_LD)

$(BUILD)/kumo-sink: $(BUILD)/src/sink/main.o $(LIB_sink)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(SINK_LD) -lpthread

# A unit test lives in the folder of the layer it tests and links that layer and those below.
unit_libs = $(if $(filter sink,$(1)),$(LIB_sink),$(LIB_redirect))
.SECONDEXPANSION:
$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $$(call libs_of,$$(firstword $$(subst /, ,$$*)))
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(REDIRECT_LD) $(SINK_LD) -lcmocka -lpthread
lib = $(foreach l,$(1),$(BUILD)/libkr-$(l).a)
libs_base   := $(call lib,base)
libs_net    := $(call lib,net base)
libs_facts  := $(call lib,facts net base)
libs_act    := $(call lib,act facts net base)
libs_report := $(call lib,report act facts net base)
libs_sink   := $(call lib,sink base)
libs_of = $(libs_$(1))

# Small programs the network tests and benchmarks use; each is one file, free of our own libraries.
$(BUILD)/tests/tools/%: tests/tools/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP $(LDFLAGS_ALL) -o $@ $< -lpthread

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.SECONDARY:
.PHONY: all
include tests/targets.mk
