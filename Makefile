# SPDX-License-Identifier: MIT
# make            build/tpd
# make demo       install what is missing, build, trace a sample program
# make test       install what is missing, build with sanitizers, run every test
# make help       the other targets
# V=1 shows commands, SAN=address,undefined builds with sanitizers, CC=clang works too.

VERSION  := 0.1.0
PREFIX   ?= /usr/local
SBINDIR  ?= $(PREFIX)/sbin
MANDIR   ?= $(PREFIX)/share/man
BPFARCH  := x86
CLANG    ?= clang
STRIP    ?= llvm-strip
BPFTOOL  ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/bin/bpftool) bpftool)
B        := build$(if $(SAN),/san)

OPT      ?= -O2
WARN     := -Wall -Wextra -Wtype-limits -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wpointer-arith -Wformat=2 -Wno-unused-parameter -Werror
CFLAGS   ?= -g $(OPT)
ALL_CFLAGS := -std=gnu11 $(WARN) $(CFLAGS) -D_GNU_SOURCE -DTPD_VERSION='"$(VERSION)"' -Iinclude -Idaemon -I$(B) \
            -fPIE $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
LDFLAGS  += -pie $(if $(SAN),-fsanitize=$(SAN))
LDLIBS   := -lbpf -ldebuginfod -ldw -lelf -lZydis -liberty -lcrypto -llzma -lz -lm

BPF_SRC  := $(wildcard bpf/*.bpf.c)
BPF_OBJ  := $(BPF_SRC:bpf/%.c=build/bpf/%.o)
SKEL     := $(B)/tpd.skel.h
SRC      := $(wildcard daemon/*/*.c)
OBJ      := $(SRC:%.c=$(B)/%.o)
LIB      := $(B)/libtpd.a
UNIT     := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/*_test.c))

ifeq ($(V),1)
Q        :=
say       =
else
Q        := @
say       = @printf '  %-6s %s\n' $(1) $(2);
MAKEFLAGS += --no-print-directory
endif

all: build/tpd
.PHONY: all
.DELETE_ON_ERROR:
.SECONDARY:

build/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$<)
	$(Q)$(CLANG) -g -O2 -mcpu=v3 -Wall -Wextra -Wno-unused-parameter -Werror -target bpf -D__TARGET_ARCH_$(BPFARCH) \
		-Iinclude -Ivmlinux -I/usr/include/$(shell uname -m)-linux-gnu -MMD -MP -c $< -o $@
build/bpf/tpd.o: $(BPF_OBJ)
	$(call say,LINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^
$(SKEL): build/bpf/tpd.o
	@mkdir -p $(@D)
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name tpd > $@

$(B)/daemon/kernel/%.o: daemon/kernel/%.c $(SKEL)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@
$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@
$(LIB): $(OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@; ar rcs $@ $^
$(B)/tpd: $(B)/daemon/tpd.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcriterion -ljansson $(LDLIBS)
unit: $(UNIT)
	@for t in $^; do $$t -j1 || exit 1; done
.PHONY: unit

clean:
	rm -rf build
.PHONY: clean

-include $(shell find build -name '*.d' 2>/dev/null)
