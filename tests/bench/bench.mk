# Included by the Makefile. `make bench`: BIC beside pgbench, x2gobroker, nginx and openssl, in turns. ROUNDS=5, SECONDS a
# run =4, ROWS="connect spare hops rated read list screens idle sweep scale" runs some of them. The table is printed; raw rows go to $(STATE)/bench/.
BENCH_O := build/run

$(O)/tests/bench/screen_bench $(O)/tests/bench/sweep_bench: $(O)/tests/bench/%: $(O)/tests/bench/%.o $(O)/libbserver-agent.a $(O)/libcommon.a
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

# Placement beside other policies on the setting of paper 002 (docs/iolaw.md): SEEDS=5 MINUTES=80 of each.
SIM := $(addprefix $(O)/tests/sim/,world.o policy.o scenario.o)
$(O)/$(SIM_TEST) $(O)/tests/sim/placement_sim: %: %.o $(SIM) $(SAN_OBJECTS) $(O)/libbcenter.a $(O)/libcommon.a
	$(call say,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcmocka
bench-placement: packages-run
	@$(MAKE) $(JOBS) CC=gcc SAN= O=$(BENCH_O) $(BENCH_O)/tests/sim/placement_sim
	@$(BENCH_O)/tests/sim/placement_sim $(or $(SEEDS),5) $(or $(MINUTES),80)
.PHONY: bench-placement

packages-bench: packages-run
	@packaging/install.sh $(PACKAGES)/bench.txt
bench: packages-bench
	@$(MAKE) $(JOBS) CC=gcc SAN= O=$(BENCH_O) images all $(BENCH_O)/tests/bench/screen_bench $(BENCH_O)/tests/bench/sweep_bench
	@BIC_BUILD=$(abspath $(BENCH_O)) BIC_IMAGES=$(IMAGES) $(PYTHON) tests/bench/run.py
.PHONY: bench packages-bench

# PEOPLE=2000 log-ins and connects in MINUTES=10 on a block of 20 simulated bServers, with a sampler beside it.
bench-storm: packages-run
	@$(MAKE) $(JOBS) CC=gcc SAN= O=$(BENCH_O) images all
	@BIC_BUILD=$(abspath $(BENCH_O)) BIC_IMAGES=$(IMAGES) $(PYTHON) tests/bench/storm.py
.PHONY: bench-storm

# BLOCKS=50 blocks of 2,000 simulated desktops each under one CCC, as far as this machine holds them.
bench-scale: packages-run
	@$(MAKE) $(JOBS) CC=gcc SAN= O=$(BENCH_O) all
	@BIC_BUILD=$(abspath $(BENCH_O)) $(PYTHON) tests/bench/many.py
.PHONY: bench-scale
