# BIC. The two commands are `make run` and `make test`; `make help` lists the rest.
#
#   CC=gcc|clang   SAN=address,undefined | thread   STATE=DIR (default var)   PORTS=20000-20999   TLS=1   SCALE=block
#   V=1 (show commands)
#
# build/<flavour>/ holds objects, archives and programs of one compiler and sanitizer.

.DEFAULT_GOAL := all
PKGS     := libmicrohttpd jansson libpq libvirt uuid libcurl gnutls libsodium inih libxml-2.0
DAEMONS  := ccc xcenter bcenter bserver-agent
PROGRAMS := $(DAEMONS) bicctl
STATE    ?= var
export STATE PORTS TLS SAN CC SCALE

comma    := ,
FLAVOUR  := $(notdir $(CC))$(if $(SAN),-$(subst $(comma),-,$(SAN)))
O        := build/$(FLAVOUR)
GEN      := build/gen

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
            -Wwrite-strings -Wcast-qual -Wvla -Wformat=2
CFLAGS   ?= -O2 -g
FLAGS    := -std=c11 -D_GNU_SOURCE -DUTHASH_NO_EXIT -I. -I$(GEN) -include common/base/banned.h -MMD -MP -fPIE \
            -fstack-protector-strong $(WARNINGS) $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer,-D_FORTIFY_SOURCE=2)
# Looked up when something is built, so that `make run` works before the packages are there.
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $(shell pkg-config --libs $(PKGS)) -lwslay -lm)$(PKG_LIBS)
LDFLAGS  += -pie -Wl,-z,relro,-z,now -pthread $(if $(SAN),-fsanitize=$(SAN))

Q        := $(if $(V),,@)
say       = @printf '  %-4s %s\n' $(1) $(patsubst $(O)/%,%,$@)

sources   = $(sort $(wildcard $(1)/*.c))
objects   = $(patsubst %.c,$(O)/%.o,$(1))
COMMON   := $(sort $(wildcard common/*/*.c))
QUERIES  := $(wildcard sql/*/queries/*.sql)
GENERATED := $(patsubst sql/%.sql,$(GEN)/sql/%.h,$(subst /queries/,/,$(QUERIES)))

GENERATED += $(GEN)/ccc/openapi.h

all: $(addprefix $(O)/,$(foreach p,$(PROGRAMS),$(if $(wildcard $(p)/main.c),$(p)/$(p))))

# What a sanitizer needs beside the program: tests/asan/fork.c says why.
SAN_OBJECTS := $(if $(findstring address,$(SAN)),$(O)/tests/asan/fork.o)

# One archive for common/ and one for each program without its main, so that tests link what daemons run.
$(O)/libcommon.a: $(call objects,$(COMMON))
define program
$(O)/lib$(1).a: $(call objects,$(filter-out $(1)/main.c,$(call sources,$(1))))
$(O)/$(1)/$(1): $(O)/$(1)/main.o $(SAN_OBJECTS) $(O)/lib$(1).a $(O)/libcommon.a
	$$(call say,LD)
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(PKG_LIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))
$(O)/lib%.a:
	@rm -f $@
	$(Q)$(AR) rcsD $@ $^

$(O)/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(FLAGS) $(CFLAGS) $(PKG_CFLAGS) -c -o $@ $<

.SECONDEXPANSION:
$(filter $(GEN)/sql/%,$(GENERATED)): $(GEN)/sql/%.h: sql/$$(dir $$*)queries/$$(notdir $$*).sql sql/gen.awk
	@mkdir -p $(@D)
	$(Q)awk -v module=$(notdir $*) -f sql/gen.awk $< > $@.tmp && mv $@.tmp $@

# The contract, as a string in the CCC.
$(GEN)/ccc/openapi.h: ccc/openapi.json
	@mkdir -p $(@D)
	$(Q){ echo '/* generated from ccc/openapi.json; do not edit */'; echo 'static const char openapi_json[] ='; \
	  sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^ *//' -e 's/.*/"&"/' $<; echo ';'; } > $@.tmp && mv $@.tmp $@

# tests/unit/<part>/test_x.c, tests/db/<part>/…, tests/virt/… link common and the part's archive.
C_TESTS  := $(patsubst %.c,$(O)/%,$(sort $(wildcard tests/unit/*/test_*.c tests/db/*/test_*.c tests/virt/test_*.c)))
part      = $(if $(filter tests/virt/%,$(1)),bserver-agent,$(filter-out common,$(word 3,$(subst /, ,$(1)))))
define c_test
$(O)/$(1): $(O)/$(1).o $(SAN_OBJECTS) $(if $(call part,$(1)),$(O)/lib$(call part,$(1)).a) $(O)/libcommon.a
	$$(call say,LD)
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(PKG_LIBS) -lcmocka
endef
# It asks glibc's malloc, which a sanitizer replaces: always built without one, and of its own sources alone.
HEAP_TEST := tests/unit/common/test_heap
# Links the simulation of tests/sim too: tests/bench/bench.mk.
SIM_TEST := tests/unit/bcenter/test_placement_sim
$(foreach t,$(filter-out $(HEAP_TEST) $(SIM_TEST),$(patsubst $(O)/%,%,$(C_TESTS))),$(eval $(call c_test,$(t))))
$(O)/$(HEAP_TEST): $(HEAP_TEST).c common/daemon/heap.c common/daemon/heap.h tests/unit/common/unit.h
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(filter-out -fsanitize=% -MMD -MP,$(FLAGS) $(CFLAGS) $(LDFLAGS)) -o $@ $(filter %.c,$^) -lcmocka
c-tests: $(C_TESTS)

# ---- the commands for people
PYTHON   := /usr/bin/python3 -B
PACKAGES := packaging/packages
JOBS     := -j$(shell nproc) --no-print-directory
IMAGES   := $(abspath $(or $(IMAGES_DIR),$(if $(filter /%,$(STATE)),$(STATE),$(CURDIR)/$(STATE))/images))

run: packages-run
	@$(PYTHON) packaging/block check
	@$(MAKE) $(JOBS) CC=gcc SAN= O=build/run $(if $(SCALE),,images) web-dist all
	@$(PYTHON) packaging/block up --images $(IMAGES)
stop:
	@$(PYTHON) packaging/block down
packages-run:
	@packaging/install.sh $(PACKAGES)/build.txt $(PACKAGES)/run.txt guest/packages.txt
packages-test: packages-run
	@packaging/install.sh $(PACKAGES)/test.txt
# Portals and client, with npm.
web-dist:
	@packaging/web-build.sh
# Guest images: built once from Debian packages, kept beside the state.
images:
	@mkdir -p $(IMAGES)
	@guest/build.sh tiny $(IMAGES)/tiny.qcow2
	@guest/build.sh desktop $(IMAGES)/desktop.qcow2

# One compiler with ASan and UBSan for everything; SUITES="unit db" runs some of them.
TEST_SAN   := address,undefined
TEST_BUILD := build/test
SUITES     ?= lint unit db virt system web
test: packages-test
	@$(MAKE) $(JOBS) CC=gcc SAN=$(TEST_SAN) O=$(TEST_BUILD) images web-dist all c-tests
	@mkdir -p $(STATE)
	@BIC_BUILD=$(abspath $(TEST_BUILD)) BIC_TEST_STATE=$(abspath $(STATE))/test BIC_IMAGES=$(IMAGES) \
	  BIC_SHOTS=$(abspath $(STATE))/shots ASAN_OPTIONS=detect_leaks=1:intercept_tls_get_addr=0 \
	  UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 $(PYTHON) tests/run.py $(SUITES)

# Slower proofs: an agent killed at random moments of a start, many times.
test-fault:
	@LIVES=40 $(MAKE) --no-print-directory test SUITES=fault
# 2,000 desktops on 20 simulated bServers, with what gcc -O2 makes: some minutes.
test-scale: packages-test
	@$(MAKE) --no-print-directory test SUITES=scale TEST_SAN= TEST_BUILD=build/run
.PHONY: test-fault test-scale

-include tests/fuzz/fuzz.mk tests/bench/bench.mk
-include tests/more.mk

format:
	clang-format-14 -i $(shell git ls-files '*.c' '*.h')
clean:
	rm -rf build
help:
	@sed -n 's/^#   //p;s/^# BIC. //p' $(firstword $(MAKEFILE_LIST)); echo "targets: run stop test test-more bench all c-tests format clean"

-include $(shell find $(O) -name '*.d' 2>/dev/null)
.PHONY: all c-tests format clean help run stop test bench images web-dist packages-run packages-test
.SECONDARY:
.DELETE_ON_ERROR:
