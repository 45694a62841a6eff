# Included by the Makefile. `make bench`: BIC beside pgbench, x2gobroker, nginx and openssl, in turns. ROUNDS=5, SECONDS a
# run =4, ROWS="connect rated read list screens idle" runs some of them. The table is printed; raw rows go to $(STATE)/bench/.
BENCH_O := build/run

$(O)/tests/bench/screen_bench: $(O)/tests/bench/screen_bench.o $(O)/libbserver-agent.a $(O)/libcommon.a
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

packages-bench: packages-run
	@packaging/install.sh $(PACKAGES)/bench.txt
bench: packages-bench
	@$(MAKE) $(JOBS) CC=gcc SAN= O=$(BENCH_O) images all $(BENCH_O)/tests/bench/screen_bench
	@BIC_BUILD=$(abspath $(BENCH_O)) BIC_IMAGES=$(IMAGES) $(PYTHON) tests/bench/run.py
.PHONY: bench packages-bench
