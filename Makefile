# SPDX-License-Identifier: MIT
## make               build/tpd and its manual page
## make demo          install what is missing, build, trace a sample program
## make test          install what is missing, build, run every test; the unit tests with sanitizers
## make bench         what tracing costs, measured on this machine and printed as a table
## make fuzz          each fuzz target for FUZZ_SECONDS (60)
## make test-kernels  the exactness tests on other kernels, under QEMU
## make unit, e2e     one kind of tests, without installing anything; TESTS="json stats" picks some
## make install       tpd and tpd(8), to PREFIX (/usr/local) under DESTDIR; make uninstall takes them away
## make layers        who includes whom, and how long files and functions are
## make format        clang-format; make check-format only says what it would change
## make deps, clean, help
## V=1 shows commands, SAN=address,undefined builds into build/san, CC=clang and WERROR= work too.

VERSION  := 0.1.0
PREFIX   ?= /usr/local
SBINDIR  ?= $(PREFIX)/sbin
MANDIR   ?= $(PREFIX)/share/man
BPFARCH  := x86
CLANG    ?= clang
BPFTOOL  ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/bin/bpftool) bpftool)
B        := build$(if $(SAN),/san)
FUZZ_SECONDS ?= 60

OPT      ?= -O2
WERROR   ?= -Werror
WARN     := -Wall -Wextra -Wtype-limits -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wpointer-arith -Wformat=2 -Wno-unused-parameter $(WERROR)
CFLAGS   ?= -g $(OPT)
ALL_CFLAGS := -std=gnu11 $(WARN) $(CFLAGS) -D_GNU_SOURCE -DTPD_VERSION='"$(VERSION)"' -Iinclude -Idaemon -I$(B) \
            -fPIE $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
BPF_CFLAGS := -g -O2 -mcpu=v3 -Wall -Wextra -Wno-unused-parameter $(WERROR) -target bpf -D__TARGET_ARCH_$(BPFARCH) \
            -Iinclude -Ivmlinux -I/usr/include/$(shell uname -m)-linux-gnu
ALL_LDFLAGS = -pie $(LDFLAGS) $(if $(SAN),-fsanitize=$(SAN))
LDLIBS   := -lbpf -ldw -lelf -lZydis -liberty -llzma -lseccomp -lcap -lz -lm

BPF_OBJ  := $(patsubst bpf/%.c,build/bpf/%.o,$(wildcard bpf/*.bpf.c))
SKEL     := $(B)/tpd.skel.h
LIB      := $(B)/libtpd.a
LIB_OBJ  := $(patsubst %.c,$(B)/%.o,$(wildcard daemon/*/*.c))
TESTS    ?= *
UNIT     := $(patsubst %.c,%,$(wildcard $(TESTS:%=tests/unit/%_test.c)))
E2E      := $(patsubst %.c,%,$(wildcard $(TESTS:%=tests/e2e/%_test.c)))
E2E_OBJ  := $(patsubst %.c,$(B)/%.o,$(filter-out %_test.c,$(wildcard tests/e2e/*.c)))
FUZZ     := $(patsubst %.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FORMAT   := $(wildcard include/*.h bpf/*.[ch] daemon/*.c daemon/*/*.[ch] tests/unit/*.[ch] tests/e2e/*.[ch] tests/fuzz/*.c)

ifeq ($(V),1)
Q        :=
say       =
else
Q        := @
say       = @printf '  %-6s %s\n' $(1) $(2);
MAKEFLAGS += --no-print-directory
endif

all: $(B)/tpd $(B)/tpd.8
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all deps demo test unit unit-build e2e e2e-build bench fuzz fuzz-run test-kernels
.PHONY: install uninstall layers format check-format clean help FORCE

# ---- the BPF programs: objects, one linked object, its skeleton ----

build/bpf/%.bpf.o: bpf/%.bpf.c build/bpf/flags
	$(call say,BPF,$<)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@
build/bpf/tpd.o: $(BPF_OBJ)
	$(call say,LINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^
$(SKEL): build/bpf/tpd.o
	@mkdir -p $(@D)
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name tpd > $@

# ---- the daemon: a library of all layers, and main ----

$(filter $(B)/daemon/kernel/%,$(LIB_OBJ)): | $(SKEL)
$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@
$(LIB): $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@; $(AR) rcs $@ $^
$(B)/tpd: $(B)/daemon/tpd.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)
$(B)/tpd.8: man/tpd.8.in $(B)/tpd
	$(call say,MAN,$@)
	$(Q)$(B)/tpd --help-man > $(B)/options.man
	$(Q)sed -e '/^@OPTIONS@$$/{r $(B)/options.man' -e 'd}' -e 's/@VERSION@/$(VERSION)/' $< > $@
# Another compiler or other flags than last time: everything is built anew.
$(B)/flags: FLAGS = $(CC) $(ALL_CFLAGS)
build/bpf/flags: FLAGS = $(CLANG) $(BPF_CFLAGS)
$(B)/flags build/bpf/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' > $@

# ---- tests ----

include tests/targets/targets.mk

$(B)/tests/unit/%_test: $(B)/tests/unit/%_test.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcriterion -ljansson $(LDLIBS)
$(B)/tests/e2e/%_test: $(B)/tests/e2e/%_test.o $(E2E_OBJ) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcriterion -ljansson $(LDLIBS)
$(B)/tests/fuzz/%_fuzz: $(B)/tests/fuzz/%_fuzz.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)
unit-build: $(UNIT:%=$(B)/%)
e2e-build: all targets $(E2E:%=$(B)/%)
unit: unit-build
	@tests/run $(UNIT:%=$(B)/%)
e2e: e2e-build
	@TPD=$(B)/tpd tests/run $(E2E:%=$(B)/%)

# What deps installs is looked for when make starts, so the rest is done by a second make.
test:
	@tests/deps.sh build tests programs
	@$(MAKE) SAN= layers all e2e-build
	@$(MAKE) SAN=$(or $(SAN),address,undefined) unit-build
	@tests/run $(UNIT:%=build/san/%) $(E2E:%=build/%)
fuzz:
	@tests/deps.sh build fuzz
	@$(MAKE) B=build/fuzz CC=$(CLANG) SAN=fuzzer-no-link,address,undefined fuzz-run
fuzz-run: $(FUZZ:%=$(B)/%)
	@for f in $(notdir $(FUZZ)); do mkdir -p $(B)/corpus/$$f; printf '%s, %s s: ' $$f $(FUZZ_SECONDS); \
		$(B)/tests/fuzz/$$f -print_final_stats=1 -timeout=10 -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=$(B)/$$f- \
			$(B)/corpus/$$f $(wildcard tests/fuzz/$$f.d) > $(B)/$$f.log 2>&1 || { tail -n 60 $(B)/$$f.log; exit 1; }; \
		sed -n 's/^stat::number_of_executed_units: */inputs without a fault: /p' $(B)/$$f.log; done
build/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $< -lbpf
build/bench/throw: tests/bench/throw.cc
	@mkdir -p $(@D)
	$(call say,CXX,$@)
	$(Q)$(CXX) -O2 -g -Wall -Wextra -o $@ $<
bench:
	@tests/deps.sh build bench
	@$(MAKE) SAN= all build/bench/spin build/bench/empty build/bench/throw
	@tests/bench/run build
test-kernels:
	@tests/deps.sh build tests kernels
	@$(MAKE) SAN= e2e-build
	@tests/kernels.sh
build/demo/sample: tests/demo/sample.cc
	@mkdir -p $(@D)
	$(call say,CXX,$@)
	$(Q)$(CXX) -O2 -g -Wall -Wextra -o $@ $<
demo:
	@tests/deps.sh build demo
	@$(MAKE) SAN= all build/demo/sample
	@tests/demo/demo.sh build/tpd build/demo/sample build/demo.ndjson

# ---- the house ----

deps:
	@tests/deps.sh build tests programs
install: all
	install -D -m 755 $(B)/tpd $(DESTDIR)$(SBINDIR)/tpd
	install -D -m 644 $(B)/tpd.8 $(DESTDIR)$(MANDIR)/man8/tpd.8
uninstall:
	rm -f $(DESTDIR)$(SBINDIR)/tpd $(DESTDIR)$(MANDIR)/man8/tpd.8
layers:
	@tests/layers
format:
	@tests/deps.sh format
	clang-format -i $(FORMAT)
check-format:
	@clang-format --dry-run $(FORMAT)
clean:
	rm -rf build
help:
	@sed -n 's/^## //p' Makefile

-include $(shell find build -name '*.d' 2>/dev/null)
