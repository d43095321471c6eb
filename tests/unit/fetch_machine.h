/* SPDX-License-Identifier: MIT */
/*
 * fetch_machine.h: what include/fetch.h promises of fetch programs, done in user space on this process' own memory: the
 * reference for the machine in bpf/, and the way to test programs without a kernel.
 */
#ifndef TPD_FETCH_MACHINE_H
#define TPD_FETCH_MACHINE_H

#include <sys/uio.h>
#include "base/util.h"
#include "fetch.h"

struct machine {
	pid_t pid;        /* whose memory; 0: of this process */
	uint64_t reg[16], cfa, fs;
	int err; /* errno of the thread; negative: its place is not known */
	_Alignas(16) uint8_t mem[CAPTURE_MAX + FETCH_STR_MAX + 16];
	uint64_t var[FETCH_VARS];
	uint16_t bad;     /* bit i: variable i has a fault */
	uint64_t acc;
	bool fault;
	unsigned done;    /* operations executed */
	const char *broken; /* the program does what none may do */
};

/* Like the kernel: all or nothing, and no fault hurts. */
static inline bool machine_read(const struct machine *m, uint64_t from, void *to, size_t n)
{
	struct iovec mine = { to, n }, there = { (void *)(uintptr_t)from, n };

	return !n || (from < 1ull << 47 && process_vm_readv(m->pid ? m->pid : getpid(), &mine, 1, &there, 1, 0) == (ssize_t)n);
}

static inline struct capture_head *machine_head(struct machine *m)
{
	return (struct capture_head *)m->mem;
}

static inline void machine_got(struct machine *m, const struct fetch *o)
{
	if (o->item >= FETCH_ITEMS)
		m->broken = "item";
	else
		machine_head(m)->got |= 1ull << o->item;
}

/* A place in the fixed part, which ends where the heap begins. */
static inline void *machine_at(struct machine *m, const struct fetch *o, size_t n, unsigned fixed)
{
	static uint8_t nowhere[256];

	if (o->at < sizeof(struct capture_head) || o->at + n > fixed || (o->op == FETCH_PUT && o->at % n)) {
		m->broken = "place";
		return nowhere;
	}
	return m->mem + o->at;
}

static inline void machine_heap(struct machine *m, const struct fetch *o, size_t len, uint64_t all, unsigned fixed)
{
	struct fetched d = { .off = machine_head(m)->bytes, .len = (uint32_t)len, .all = all };

	memcpy(machine_at(m, o, sizeof(d), fixed), &d, sizeof(d));
	machine_head(m)->bytes += (uint32_t)(len + 7) & ~7u;
	machine_got(m, o);
}

static inline void machine_str(struct machine *m, const struct fetch *o, unsigned fixed)
{
	uint8_t *to = m->mem + machine_head(m)->bytes;
	uint64_t all = 0;
	size_t n = 0;
	char c;

	while (n < (size_t)o->imm && machine_read(m, m->acc + n, &to[n], 1) && to[n])
		n++;
	if (!machine_read(m, m->acc + n, &c, 1))
		return;
	for (all = n; all < n + 65536 && machine_read(m, m->acc + all, &c, 1) && c; all++)
		;
	machine_heap(m, o, n, c ? ~0ull : all, fixed);
}

static inline void machine_bytes(struct machine *m, const struct fetch *o, unsigned fixed)
{
	uint64_t all = m->var[o->arg % FETCH_VARS], n = MIN(all, (uint64_t)o->imm);

	if (m->bad >> o->arg % FETCH_VARS & 1 || all >> 40)
		return;
	if (machine_read(m, m->acc, m->mem + machine_head(m)->bytes, n))
		machine_heap(m, o, n, all, fixed);
}

static inline void machine_store(struct machine *m, const struct fetch *o, unsigned fixed)
{
	if (m->fault)
		return;
	switch (o->op) {
	case FETCH_PUT:
		memcpy(machine_at(m, o, o->arg, fixed), &m->acc, o->arg);
		machine_got(m, o);
		break;
	case FETCH_COPY:
		if (o->imm <= 0 || o->imm > 256)
			m->broken = "size";
		else if (machine_read(m, m->acc, machine_at(m, o, (size_t)o->imm, fixed), (size_t)o->imm))
			machine_got(m, o);
		break;
	case FETCH_STR:
		machine_str(m, o, fixed);
		break;
	case FETCH_BYTES:
		machine_bytes(m, o, fixed);
		break;
	}
}

static inline void machine_set(struct machine *m, uint64_t v, bool fault)
{
	m->acc = v;
	m->fault = fault;
}

static inline void machine_load(struct machine *m, const struct fetch *o)
{
	uint64_t v = 0;

	if (o->arg != 1 && o->arg != 2 && o->arg != 4 && o->arg != 8)
		m->broken = "load";
	else if (!m->fault)
		machine_set(m, v, !machine_read(m, m->acc, &v, o->arg));
	m->acc = v;
}

static inline void machine_step(struct machine *m, const struct fetch *o)
{
	switch ((enum fetch_op)o->op) {
	case FETCH_REG:
		machine_set(m, m->reg[o->arg & 15], false);
		break;
	case FETCH_CFA:
		machine_set(m, m->cfa + (uint64_t)o->imm, false);
		break;
	case FETCH_IMM:
		machine_set(m, (uint64_t)o->imm, false);
		break;
	case FETCH_FS:
		machine_set(m, m->fs + (uint64_t)o->imm, false);
		break;
	case FETCH_VAR:
		machine_set(m, m->var[o->arg % FETCH_VARS], m->bad >> o->arg % FETCH_VARS & 1);
		break;
	case FETCH_SAVE:
		m->var[o->arg % FETCH_VARS] = m->acc;
		m->bad = (uint16_t)((m->bad & ~(1u << o->arg % FETCH_VARS)) | (unsigned)m->fault << o->arg % FETCH_VARS);
		break;
	case FETCH_ADD:
		m->acc += (uint64_t)o->imm;
		break;
	case FETCH_SUB:
		m->acc -= m->var[o->arg % FETCH_VARS];
		m->fault |= m->bad >> o->arg % FETCH_VARS & 1;
		break;
	case FETCH_ITEM:
		m->acc = *(uint64_t *)machine_at(m, o, 8, UINT16_MAX);
		m->fault = !(machine_head(m)->got >> (o->item & 63) & 1);
		break;
	case FETCH_MUL:
		m->fault |= m->acc >> 40 != 0;
		m->acc *= (uint64_t)o->imm;
		break;
	case FETCH_AND:
		m->acc &= (uint64_t)o->imm;
		break;
	case FETCH_SHR:
		m->acc >>= o->imm & 63;
		break;
	case FETCH_LOAD:
		machine_load(m, o);
		break;
	case FETCH_ERRNO:
		machine_set(m, (uint64_t)m->err, m->err < 0);
		break;
	case FETCH_PUT:
	case FETCH_COPY:
	case FETCH_STR:
	case FETCH_BYTES:
	case FETCH_ZERO:
	case FETCH_EQ:
		break;
	}
}

/* Runs one of the two programs; the first one begins the capture. */
static inline void machine_run(struct machine *m, const struct fetch *op, unsigned n, unsigned fixed, bool at_return)
{
	if (!at_return) {
		/* What was there before may be anything. */
		memset(m->mem, 0xa5, sizeof(m->mem));
		*machine_head(m) = (struct capture_head){ .bytes = fixed };
	}
	m->bad = 0xffff;
	m->fault = false;
	for (unsigned i = 0; i < n && !m->broken; i++) {
		const struct fetch *o = &op[i];
		uint64_t skip = 0;

		m->done++;
		machine_step(m, o);
		if (o->op >= FETCH_PUT && o->op <= FETCH_BYTES)
			machine_store(m, o, fixed);
		if (o->op == FETCH_ZERO && (m->fault || !m->acc))
			skip = (uint64_t)o->imm;
		if (o->op == FETCH_EQ && (m->fault || m->acc != (uint64_t)o->imm))
			skip = o->arg;
		if (skip > n - 1 - i)
			m->broken = "skip";
		i += (unsigned)skip;
	}
}

#endif
