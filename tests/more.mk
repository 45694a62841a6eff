# Included by the Makefile. `make test-more`: what .ci/run adds to `make test`. MORE="tsan fuzz" does some of it.
#   clang  everything built by clang, with ThreadSanitizer, without a warning
#   tsan   that build's unit, db and virt tests
#   races  that build's daemons under the system tests in which most happens at once, and those that take long
#   fuzz   each fuzzer for FUZZ_S seconds
MORE       ?= clang tsan races fuzz
MORE_BUILD ?= build/more
test-more: packages-test
	@$(MAKE) --no-print-directory images
	@mkdir -p $(STATE)
	@BIC_BUILD=$(abspath $(MORE_BUILD)) BIC_TEST_STATE=$(abspath $(STATE))/more BIC_IMAGES=$(IMAGES) \
	  TSAN_OPTIONS=halt_on_error=0:suppressions=$(abspath tests/tsan.supp) $(PYTHON) tests/run.py $(MORE)
.PHONY: test-more
