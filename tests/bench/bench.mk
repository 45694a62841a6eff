# Included by the Makefile. `make bench`: BIC beside pgbench, x2gobroker, nginx and openssl, in turns. ROUNDS=5, SECONDS a
# run =4, ROWS="connect rated read screens idle sweep scale" runs some of them. The table is printed; raw rows go to $(STATE)/bench/.
BENCH_O := build/run

$(O)/tests/bench/screen_bench $(O)/tests/bench/sweep_bench: $(O)/tests/bench/%: $(O)/tests/bench/%.o $(O)/libbserver-agent.a $(O)/libcommon.a
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

packages-bench: packages-run
	@packaging/install.sh $(PACKAGES)/bench.txt
bench: packages-bench
	@$(MAKE) $(JOBS) CC=gcc SAN= O=$(BENCH_O) images all $(BENCH_O)/tests/bench/screen_bench $(BENCH_O)/tests/bench/sweep_bench
	@BIC_BUILD=$(abspath $(BENCH_O)) BIC_IMAGES=$(IMAGES) $(PYTHON) tests/bench/run.py
.PHONY: bench packages-bench

# BLOCKS=50 blocks of 2,000 simulated desktops each under one CCC, as far as this machine holds them.
bench-scale: packages-run
	@$(MAKE) $(JOBS) CC=gcc SAN= O=$(BENCH_O) all
	@BIC_BUILD=$(abspath $(BENCH_O)) $(PYTHON) tests/bench/many.py
.PHONY: bench-scale
