# SPDX-License-Identifier: MIT
# targets.mk: the small programs that the tests trace, always built without sanitizers, into build/targets.
# `make targets`; Go programs are left out where there is no Go.

T        := build/targets
TCC      ?= gcc
TCXX     ?= g++
GO       ?= $(shell command -v go)
TFLAGS   := -O2 -g -Wall -Wextra -Wshadow -Itests/targets
T_C      := calls handmade recurse threads tail jumps signals fibers cancel seccomp cold switch nop forks
T_ALL    := $(T_C) throws dlopen endbr asm liblate.so liblate_throw.so calls_static calls_static_pie calls_nopie \
            calls_O0 calls_fp throws_static tail_nopie switch_nopie throws_O0 recurse_endbr stripped \
            $(if $(GO),goroutines goroutines_stripped)
TARGETS  := $(T_ALL:%=$(T)/%)
T_BUILD   = $(TCC) -std=gnu11 $(TFLAGS)
T_BUILDXX = $(TCXX) -std=c++17 $(TFLAGS)

targets: $(TARGETS)
.PHONY: targets

$(TARGETS): tests/targets/target.h | $(T)
$(T):
	@mkdir -p $@

$(T_C:%=$(T)/%): $(T)/%: tests/targets/%.c
	$(call say,TARGET,$@)
	$(Q)$(T_BUILD) $< -o $@ -pthread
$(T)/throws: tests/targets/throws.cc
	$(call say,TARGET,$@)
	$(Q)$(T_BUILDXX) $< -o $@ -pthread
$(T)/dlopen: tests/targets/dlopen.c
	$(call say,TARGET,$@)
	$(Q)$(T_BUILD) -fexceptions $< -o $@ -ldl
$(T)/liblate.so: tests/targets/late.c
	$(call say,TARGET,$@)
	$(Q)$(T_BUILD) -shared -fPIC $< -o $@
$(T)/liblate_throw.so: tests/targets/late_throw.cc
	$(call say,TARGET,$@)
	$(Q)$(T_BUILDXX) -shared -fPIC $< -o $@
$(T)/endbr: tests/targets/calls.c
	$(call say,TARGET,$@)
	$(Q)$(T_BUILD) -fcf-protection=full $< -o $@ -pthread
$(T)/recurse_endbr: tests/targets/recurse.c
	$(call say,TARGET,$@)
	$(Q)$(T_BUILD) -fcf-protection=full $< -o $@ -pthread
$(T)/asm: tests/targets/asm_main.c tests/targets/asm.S
	$(call say,TARGET,$@)
	$(Q)$(T_BUILD) $^ -o $@ -pthread
$(T)/%_static: tests/targets/%.c
	$(call say,TARGET,$@)
	$(Q)$(T_BUILD) -static $< -o $@ -pthread
$(T)/throws_static: tests/targets/throws.cc
	$(call say,TARGET,$@)
	$(Q)$(T_BUILDXX) -static $< -o $@ -pthread
$(T)/calls_static_pie: tests/targets/calls.c
	$(call say,TARGET,$@)
	$(Q)$(T_BUILD) -static-pie -fPIE $< -o $@ -pthread
$(T)/%_nopie: tests/targets/%.c
	$(call say,TARGET,$@)
	$(Q)$(T_BUILD) -fno-pie -no-pie $< -o $@ -pthread
$(T)/%_O0: tests/targets/%.c
	$(call say,TARGET,$@)
	$(Q)$(T_BUILD) -O0 $< -o $@ -pthread
$(T)/throws_O0: tests/targets/throws.cc
	$(call say,TARGET,$@)
	$(Q)$(T_BUILDXX) -O0 $< -o $@ -pthread
$(T)/calls_fp: tests/targets/calls.c
	$(call say,TARGET,$@)
	$(Q)$(T_BUILD) -fno-omit-frame-pointer -fstack-protector-all $< -o $@ -pthread
# No symbols at all, only their addresses beside it: NAME 0xADDRESS.
$(T)/stripped: $(T)/calls
	$(call say,STRIP,$@)
	$(Q)nm $< | awk '$$2 ~ /[tT]/ {print $$3, "0x" $$1}' > $@.map
	$(Q)strip -o $@ $<
$(T)/goroutines: tests/targets/goroutines.go
	$(call say,GO,$@)
	$(Q)GO111MODULE=off GOCACHE=$(abspath $(T))/.go CGO_ENABLED=0 $(GO) build -o $@ $<
$(T)/goroutines_stripped: tests/targets/goroutines.go | $(T)/goroutines
	$(call say,GO,$@)
	$(Q)GO111MODULE=off GOCACHE=$(abspath $(T))/.go CGO_ENABLED=0 $(GO) build -ldflags '-s -w' -o $@ $<
