# SPDX-License-Identifier: MIT
# e2e.mk: the tests on a real kernel. `make e2e`; TPD_CYCLES=1000 for the full endurance test.

E2E_SRC  := $(wildcard tests/e2e/*_test.c)
E2E      := $(E2E_SRC:tests/e2e/%.c=build/tests/e2e/%)
E2E_LIB  := $(addprefix build/tests/e2e/,harness.o leftovers.o verdict.o)

build/tests/e2e/%.o: tests/e2e/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -std=gnu11 $(WARN) -g -O2 -D_GNU_SOURCE -Iinclude -Idaemon -MMD -MP -c $< -o $@
$(E2E): build/tests/e2e/%: build/tests/e2e/%.o $(E2E_LIB)
	$(call say,LD,$@)
	$(Q)$(CC) -o $@ $^ -lcriterion -ljansson
e2e: $(E2E) targets
	@for t in $(E2E); do TPD=$${TPD:-$(B)/tpd} $$t -j1 || exit 1; done
test-kernels: build/tpd build/tests/e2e/exact_test targets
	$(Q)tests/kernels.sh
build/demo/sample: tests/demo/sample.cc
	@mkdir -p $(@D)
	$(call say,CXX,$<)
	$(Q)$(CXX) -std=c++17 -O2 -g -Wall -Wextra $< -o $@
.PHONY: e2e test-kernels
