# Included by the Makefile. `make fuzz`: each target for FUZZ_S seconds, from its corpus. clang only.
# A target links the lower layers of common/ and the modules whose headers it includes itself.
FUZZ_S    ?= 20
FUZZ_O    := build/fuzz
FUZZERS   := $(patsubst tests/fuzz/%.c,$(FUZZ_O)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_LIB  := $(patsubst %.c,$(FUZZ_O)/%.o,$(sort $(wildcard $(addprefix common/,base/*.c http/*.c wire/*.c sync/*.c daemon/*.c))))
FUZZ_SAN  := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FUZZ_FLAGS = $(filter-out -fsanitize=% -fno-omit-frame-pointer -D_FORTIFY_SOURCE=2 -fPIE,$(FLAGS)) -g -O1 $(FUZZ_SAN)
fuzz_modules = $(patsubst %.c,$(FUZZ_O)/%.o,$(wildcard $(shell sed -n 's|^\#include "\([^"]*\)\.h"$$|\1.c|p' $(1) | grep -v '^common/')))

$(FUZZ_O)/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	@echo '  FUZZ $<'
	@clang $(FUZZ_FLAGS) $(PKG_CFLAGS) -c -o $@ $<
$(FUZZ_O)/libcommon.a: $(FUZZ_LIB)
	@rm -f $@
	@ar rcsD $@ $^
define fuzzer
$(FUZZ_O)/$(1): $(FUZZ_O)/tests/fuzz/$(1).o $(call fuzz_modules,tests/fuzz/$(1).c) $(FUZZ_O)/libcommon.a
	@clang -fsanitize=fuzzer,address,undefined -pthread -o $$@ $$^ $$(PKG_LIBS)
endef
$(foreach f,$(notdir $(FUZZERS)),$(eval $(call fuzzer,$(f))))

# New inputs go to build/fuzz/corpus, so that the tree stays as it is; what crashes stays in build/fuzz.
fuzz: $(FUZZERS)
	@for f in $(notdir $(FUZZERS)); do \
	    mkdir -p $(FUZZ_O)/corpus/$$f; \
	    [ ! -d tests/fuzz/corpus/$$f ] || seeds=tests/fuzz/corpus/$$f; \
	    $(FUZZ_O)/$$f -max_total_time=$(FUZZ_S) -max_len=8192 -timeout=5 -print_final_stats=1 \
	        -artifact_prefix=$(FUZZ_O)/$$f- $(FUZZ_O)/corpus/$$f $$seeds > $(FUZZ_O)/$$f.log 2>&1 \
	        && echo "PASS $$f $$(sed -n 's/^stat::number_of_executed_units: *//p' $(FUZZ_O)/$$f.log) inputs" \
	        || { tail -n 40 $(FUZZ_O)/$$f.log; echo "FAIL $$f"; exit 1; }; \
	    seeds=; \
	done

-include $(shell find $(FUZZ_O) -name '*.d' 2>/dev/null)
.PHONY: fuzz
