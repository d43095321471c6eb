# SPDX-License-Identifier: MIT
# targets.mk: the small programs that the tests trace, always built without sanitizers, into build/targets.
# `make targets`; what there is no compiler for (Go, Rust, clang, libc++) is left out.

T        := build/targets
TCC      ?= gcc
TCXX     ?= g++
GO       ?= $(shell command -v go)
RUSTC    ?= $(shell PATH="$$PATH:$$HOME/.cargo/bin" command -v rustc)
TCLANG   ?= $(shell command -v clang)
LIBCXX   ?= $(firstword $(wildcard /usr/include/c++/v1/vector /usr/lib/llvm-*/include/c++/v1/vector))
TFLAGS   := -O2 -g -Wall -Wextra -Wshadow -Itests/targets
T_C      := calls handmade recurse threads tail jumps signals fibers cancel seccomp cold switch nop forks
T_ALL    := $(T_C) files throws dlopen endbr asm liblate.so liblate_throw.so calls_static calls_static_pie calls_nopie \
            calls_O0 calls_fp throws_static tail_nopie switch_nopie throws_O0 recurse_endbr stripped \
            $(if $(GO),goroutines goroutines_stripped)
# The same program in each way of building: NAME_COMPILER_HOW.
GCC_HOW   := gcc_O0 gcc_O2 gcc_separate gcc_nodebug
CLANG_HOW := $(if $(TCLANG),clang_O2 clang_nodebug)
CXX_HOW   := $(if $(TCLANG),clang_O2 $(if $(LIBCXX),libcxx_O2))
T_ALL     += $(addprefix values_more_,gcc_O0 gcc_O2 $(if $(TCLANG),clang_O2)) \
             $(addprefix values_c_,$(GCC_HOW) gcc_nopie $(CLANG_HOW) $(if $(TCLANG),clang_O0 clang_separate)) \
             $(addprefix values_cc_,gcc_O0 gcc_O2 gcc_separate $(CXX_HOW)) \
             $(if $(filter libcxx_O2,$(CXX_HOW)),values_cc_libcxx_O0 values_cc_libcxx_separate libexcepts_libcxx.so) \
             $(addprefix excepts_cc_,gcc_O0 gcc_O2 gcc_nodebug gcc_static $(CXX_HOW)) libexcepts_gcc.so \
             $(addprefix stacks_,$(GCC_HOW) gcc_fp gcc_nopie gcc_static gcc_static_pie $(CLANG_HOW)) \
             libstacks.so libstacks_late.so crash_O0 crash_O2 \
             $(if $(GO),values_go_O0 values_go_O2 values_more_go_O2 excepts_go_O0 excepts_go_O2 excepts_go_stripped) \
             $(if $(RUSTC),values_rs_O0 values_rs_O2 values_rs_separate excepts_rs_O0 excepts_rs_O2 excepts_rs_abort)
TARGETS  := $(T_ALL:%=$(T)/%)
T_BUILD   = $(TCC) -std=gnu11 $(TFLAGS)
T_BUILDXX = $(TCXX) -std=c++17 $(TFLAGS)

targets: $(TARGETS)
.PHONY: targets

$(TARGETS): tests/targets/target.h tests/targets/said.h | $(T)
$(T):
	@mkdir -p $@

$(T_C:%=$(T)/%): $(T)/%: tests/targets/%.c
	$(call say,TARGET,$@)
	$(Q)$(T_BUILD) $< -o $@ -pthread
# Static, so that between exec and main nothing else opens files.
$(T)/files: $(wildcard tests/targets/files*.c) tests/targets/files.h
	$(call say,TARGET,$@)
	$(Q)$(T_BUILD) -static $(filter %.c,$^) -o $@ -pthread
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

# ---- NAME_COMPILER_HOW ----

T_CLANG   = $(TCLANG) -std=gnu11 $(TFLAGS)
T_CLANGXX = $(TCLANG) --driver-mode=g++ -std=c++17 $(TFLAGS)
T_LIBCXX  = $(T_CLANGXX) -stdlib=libc++
T_GO      = GO111MODULE=off GOCACHE=$(abspath $(T))/.go CGO_ENABLED=0 $(GO) build
comma    := ,
T_RUST    = $(RUSTC) --edition 2021 -g
# Beside the program that uses it: $(1).
t_lib     = -L$(T) -l$(1) -Wl,-rpath,'$$ORIGIN'
t_made    = $(Q)$(1) -fomit-frame-pointer $(HOW) $< -o $@ -pthread $(2)

$(T)/%_O0: private HOW := -O0
$(T)/%_fp: private HOW := -fno-omit-frame-pointer
$(T)/%_nopie: private HOW := -fno-pie -no-pie
$(T)/%_static: private HOW := -static -DSTATIC
$(T)/%_static_pie: private HOW := -static-pie -fPIE -DSTATIC
$(T)/%.so: private HOW := -shared -fPIC

$(addprefix $(T)/values_c_gcc_,O0 O2 nopie): tests/targets/values.c
	$(call say,TARGET,$@)
	$(call t_made,$(T_BUILD))
$(addprefix $(T)/values_c_clang_,O0 O2): tests/targets/values.c
	$(call say,TARGET,$@)
	$(call t_made,$(T_CLANG))
$(T)/values_more_gcc_O0 $(T)/values_more_gcc_O2: tests/targets/values_more.c
	$(call say,TARGET,$@)
	$(call t_made,$(T_BUILD))
$(T)/values_more_clang_O2: tests/targets/values_more.c
	$(call say,TARGET,$@)
	$(call t_made,$(T_CLANG))
$(addprefix $(T)/values_cc_gcc_,O0 O2): tests/targets/values.cc
	$(call say,TARGET,$@)
	$(call t_made,$(T_BUILDXX))
$(T)/values_cc_clang_O2: tests/targets/values.cc
	$(call say,TARGET,$@)
	$(call t_made,$(T_CLANGXX))
$(addprefix $(T)/values_cc_libcxx_,O0 O2): tests/targets/values.cc
	$(call say,TARGET,$@)
	$(call t_made,$(T_LIBCXX))
$(T)/libexcepts_gcc.so: tests/targets/excepts_lib.cc
	$(call say,TARGET,$@)
	$(call t_made,$(T_BUILDXX))
$(T)/libexcepts_libcxx.so: tests/targets/excepts_lib.cc
	$(call say,TARGET,$@)
	$(call t_made,$(T_LIBCXX))
$(addprefix $(T)/excepts_cc_gcc_,O0 O2): tests/targets/excepts.cc $(T)/libexcepts_gcc.so
	$(call say,TARGET,$@)
	$(call t_made,$(T_BUILDXX),$(call t_lib,excepts_gcc))
$(T)/excepts_cc_gcc_static: tests/targets/excepts.cc tests/targets/excepts_lib.cc
	$(call say,TARGET,$@)
	$(call t_made,$(T_BUILDXX),tests/targets/excepts_lib.cc)
$(T)/excepts_cc_clang_O2: tests/targets/excepts.cc $(T)/libexcepts_gcc.so
	$(call say,TARGET,$@)
	$(call t_made,$(T_CLANGXX),$(call t_lib,excepts_gcc))
$(T)/excepts_cc_libcxx_O2: tests/targets/excepts.cc $(T)/libexcepts_libcxx.so
	$(call say,TARGET,$@)
	$(call t_made,$(T_LIBCXX),$(call t_lib,excepts_libcxx))
$(T)/crash_O0 $(T)/crash_O2: tests/targets/crash.c
	$(call say,TARGET,$@)
	$(call t_made,$(T_BUILD))
# Nothing but .eh_frame and the name that it exports.
$(T)/libstacks.so $(T)/libstacks_late.so: tests/targets/stacks_lib.c
	$(call say,TARGET,$@)
	$(call t_made,$(T_BUILD),-s -Wl$(comma)-soname=$(@F))
$(addprefix $(T)/stacks_gcc_,O0 O2 fp nopie): tests/targets/stacks.c $(T)/libstacks.so
	$(call say,TARGET,$@)
	$(call t_made,$(T_BUILD),$(call t_lib,stacks))
$(addprefix $(T)/stacks_gcc_,static static_pie): tests/targets/stacks.c
	$(call say,TARGET,$@)
	$(call t_made,$(T_BUILD))
$(T)/stacks_clang_O2: tests/targets/stacks.c $(T)/libstacks.so
	$(call say,TARGET,$@)
	$(call t_made,$(T_CLANG),$(call t_lib,stacks))
$(T)/%_go_O0: tests/targets/%.go
	$(call say,GO,$@)
	$(Q)$(T_GO) -gcflags '-N -l' -o $@ $<
$(T)/%_go_O2: tests/targets/%.go
	$(call say,GO,$@)
	$(Q)$(T_GO) -o $@ $<
$(T)/%_go_stripped: tests/targets/%.go
	$(call say,GO,$@)
	$(Q)$(T_GO) -ldflags '-s -w' -o $@ $<
$(T)/%_rs_O0: tests/targets/%.rs
	$(call say,RUST,$@)
	$(Q)$(T_RUST) --crate-name $*_rs -o $@ $<
$(T)/%_rs_O2: tests/targets/%.rs
	$(call say,RUST,$@)
	$(Q)$(T_RUST) --crate-name $*_rs -C opt-level=2 -o $@ $<
$(T)/%_rs_abort: tests/targets/%.rs
	$(call say,RUST,$@)
	$(Q)$(T_RUST) --crate-name $*_rs -C opt-level=2 -C panic=abort -o $@ $<
# Debug information in a file of its own, as distributions have it; or none, but all symbols.
$(filter %_separate,$(TARGETS)): $(T)/%_separate: $(T)/%_O2
	$(call say,STRIP,$@)
	$(Q)objcopy --only-keep-debug $< $@.debug
	$(Q)strip -o $@ $<
	$(Q)objcopy --add-gnu-debuglink=$@.debug $@
$(filter %_nodebug,$(TARGETS)): $(T)/%_nodebug: $(T)/%_O2
	$(call say,STRIP,$@)
	$(Q)strip -g -o $@ $<
