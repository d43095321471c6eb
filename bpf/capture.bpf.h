/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * capture.bpf.h: what a call carried: the machine that runs the fetch programs of include/fetch.h.
 *
 * A captured call has a slot, in which its event is made: struct ev_call, then the capture. Frames on the thread's own
 * stack have theirs in the thread's storage, by their place on the shadow stack; all others, and what is too deep,
 * keep the capture in a hash by the call's id and are worked on in the last slot. So the machine only ever
 * writes to memory that belongs to its thread: it can be preempted anywhere.
 */
#ifndef TPD_CAPTURE_BPF_H
#define TPD_CAPTURE_BPF_H

#include "tpd.bpf.h"
#include "fetch.h"

extern const volatile __u32 knob_slot;  /* bytes of a slot, 0: nothing is captured */
extern const volatile __u32 knob_slots; /* slots of a thread, the last one not counted */

/* Task storage is limited to two pages, see DEPTH_MAX. */
struct stash {
	__u64 reg[16]; /* as x86 numbers them */
	__u64 ip;
	__u64 var[FETCH_VARS];
	__u64 bad;     /* bit i: variable i has a fault */
	__u64 cfa;     /* of the call that begins or ends */
	__u8 slots[STASH_AREA + FETCH_STR_MAX + 8];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct stash);
} stashes SEC(".maps") __weak;

/* Call id -> a slot. The size of a value is set before load. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__uint(key_size, sizeof(__u64));
	__uint(value_size, sizeof(struct ev_call) + sizeof(struct capture_head));
} stashed SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fetch);
} fetches SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct capture_spec);
} captures SEC(".maps") __weak;

static __always_inline struct stash *stash_find(void)
{
	return bpf_task_storage_get(&stashes, bpf_get_current_task_btf(), NULL, 0);
}

static __always_inline struct stash *stash_make(void)
{
	return bpf_task_storage_get(&stashes, bpf_get_current_task_btf(), NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

/* The registers, where the machine and the unwinder look for them. */
static __noinline __attribute__((unused)) int regs_save(struct pt_regs *ctx, __u64 cfa)
{
	struct stash *s = stash_make();

	if (!s)
		return 1;
	s->reg[0] = ctx->ax;
	s->reg[1] = ctx->cx;
	s->reg[2] = ctx->dx;
	s->reg[3] = ctx->bx;
	s->reg[4] = ctx->sp;
	s->reg[5] = ctx->bp;
	s->reg[6] = ctx->si;
	s->reg[7] = ctx->di;
	s->reg[8] = ctx->r8;
	s->reg[9] = ctx->r9;
	s->reg[10] = ctx->r10;
	s->reg[11] = ctx->r11;
	s->reg[12] = ctx->r12;
	s->reg[13] = ctx->r13;
	s->reg[14] = ctx->r14;
	s->reg[15] = ctx->r15;
	s->ip = ctx->ip;
	s->cfa = cfa;
	return 0;
}

struct fetching {
	struct stash *s;
	__u64 acc;
	__u32 first; /* operation */
	__u32 base;  /* where the capture begins in slots */
	__u32 heap;  /* end of the capture so far, from base */
	__u32 skip;  /* operations still to be passed over */
	__u32 fault;
	__u32 pad;
};

/* A place in the slots; the bound is for the verifier, who cannot follow the sum. */
static __always_inline __u8 *slot_at(struct stash *s, __u32 base, __u32 at)
{
	__u64 off = base + at;

	asm volatile("if %0 > %1 goto +1\n\tgoto +1\n\t%0 = 0" : "+r"(off) : "i"(STASH_AREA));
	return s->slots + off;
}

static __always_inline void item_got(struct fetching *f, const struct fetch *o)
{
	struct capture_head *h = (void *)slot_at(f->s, f->base, 0);

	h->got |= 1ull << (o->item & 63);
}

struct str_end {
	__u64 at;   /* where to look */
	__u64 len;  /* out: bytes passed */
	__u32 found;
	__u32 base;
};

/* Look for a long string's end, with the space behind the slots as scratch. */
static long str_scan(__u32 i, struct str_end *e)
{
	struct stash *s = stash_find();
	long n;

	if (!s)
		return 1;
	n = bpf_probe_read_user_str(s->slots + STASH_AREA, FETCH_STR_MAX, (void *)(e->at + e->len));
	if (n <= 0)
		return 1;
	e->len += n - 1;
	e->found = n < FETCH_STR_MAX;
	return e->found;
}

/* The file that is mapped there may still tell, if nobody can have written to it. */
static __always_inline void str_missed(struct fetching *f, const struct fetch *o, struct fetched *d)
{
	struct capture_head *h = (void *)slot_at(f->s, f->base, 0);

	d->off = 0;
	d->len = 0;
	d->all = f->acc;
	if (o->item < 32)
		h->missed |= 1u << o->item;
}

#define STR_SCANS 64 /* times FETCH_STR_MAX - 1 bytes */

/* A string of any length: what fits is kept, its true length is told. */
static __always_inline void fetch_str(struct fetching *f, const struct fetch *o)
{
	struct fetched *d = (void *)slot_at(f->s, f->base, o->at);
	__u64 max = o->imm;
	long n;

	if (max > FETCH_STR_MAX)
		max = FETCH_STR_MAX;
	n = bpf_probe_read_user_str(slot_at(f->s, f->base, f->heap), max + 1, (void *)f->acc);
	if (n <= 0) {
		str_missed(f, o, d);
		return;
	}
	d->off = f->heap;
	d->len = n - 1;
	d->all = n - 1;
	if (d->len == max) {
		struct str_end e = { .at = f->acc + max };

		bpf_loop(STR_SCANS, str_scan, &e, 0);
		d->all = e.found ? max + e.len : ~0ull;
	}
	f->heap += (n + 7) & ~7;
	item_got(f, o);
}

static __always_inline void fetch_bytes(struct fetching *f, const struct fetch *o)
{
	struct fetched *d = (void *)slot_at(f->s, f->base, o->at);
	__u32 v = o->arg & (FETCH_VARS - 1);
	__u64 all = f->s->var[v], n = all;

	if (f->s->bad & (1u << v) || all >> 40)
		return;
	if (n > (__u64)o->imm)
		n = o->imm;
	if (n > FETCH_STR_MAX)
		n = FETCH_STR_MAX;
	if (n && bpf_probe_read_user(slot_at(f->s, f->base, f->heap), n, (void *)f->acc))
		return;
	d->off = f->heap;
	d->len = n;
	d->all = all;
	f->heap += (n + 7) & ~7;
	item_got(f, o);
}

static __always_inline void fetch_copy(struct fetching *f, const struct fetch *o)
{
	__u64 n = o->imm;

	if (n > 256)
		n = 256;
	if (!bpf_probe_read_user(slot_at(f->s, f->base, o->at), n, (void *)f->acc))
		item_got(f, o);
}

static __always_inline void fetch_put(struct fetching *f, const struct fetch *o)
{
	void *p = slot_at(f->s, f->base, o->at);

	switch (o->arg) {
	case 1:
		*(__u8 *)p = f->acc;
		break;
	case 2:
		*(__u16 *)p = f->acc;
		break;
	case 4:
		*(__u32 *)p = f->acc;
		break;
	default:
		*(__u64 *)p = f->acc;
	}
	item_got(f, o);
}

static __always_inline void fetch_load(struct fetching *f, __u32 size)
{
	__u64 v = 0;

	if (size > 8)
		size = 8;
	if (bpf_probe_read_user(&v, size, (void *)f->acc))
		f->fault = 1;
	f->acc = v;
}

/* errno lies in thread-local storage; where, user space has found out for each process. */
static __always_inline void fetch_errno(struct fetching *f)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct target_places *p = bpf_map_lookup_elem(&places, &tgid);
	int v = 0;

	f->fault = !p || !p->errno_off ||
		   bpf_probe_read_user(&v, sizeof(v),
				       (void *)(BPF_CORE_READ(bpf_get_current_task_btf(), thread.fsbase) +
						p->errno_off));
	f->acc = (__s64)v;
}

static __always_inline void fetch_item(struct fetching *f, const struct fetch *o)
{
	struct capture_head *h = (void *)slot_at(f->s, f->base, 0);

	f->acc = *(__u64 *)slot_at(f->s, f->base, o->at);
	f->fault = !(h->got >> (o->item & 63) & 1);
}

static __always_inline void fetch_acc(struct fetching *f, const struct fetch *o)
{
	__u32 v = o->arg & 15;

	switch (o->op) {
	case FETCH_REG:
		f->acc = f->s->reg[v];
		f->fault = 0;
		break;
	case FETCH_CFA:
		f->acc = f->s->cfa + o->imm;
		f->fault = 0;
		break;
	case FETCH_IMM:
		f->acc = o->imm;
		f->fault = 0;
		break;
	case FETCH_FS:
		f->acc = BPF_CORE_READ(bpf_get_current_task_btf(), thread.fsbase) + o->imm;
		f->fault = 0;
		break;
	case FETCH_VAR:
		f->acc = f->s->var[v];
		f->fault = (f->s->bad >> v) & 1;
		break;
	case FETCH_SAVE:
		f->s->var[v] = f->acc;
		f->s->bad &= ~(1ull << v);
		f->s->bad |= (__u64)(f->fault != 0) << v;
		break;
	case FETCH_ADD:
		f->acc += o->imm;
		break;
	case FETCH_SUB:
		f->acc -= f->s->var[v];
		f->fault |= (f->s->bad >> v) & 1;
		break;
	case FETCH_AND:
		f->acc &= o->imm;
		break;
	case FETCH_SHR:
		f->acc >>= o->imm & 63;
		break;
	case FETCH_MUL:
		f->fault |= f->acc >> 40 != 0;
		f->acc *= o->imm;
		break;
	}
}

static long fetch_step(__u32 i, struct fetching *f)
{
	__u32 at = f->first + i;
	struct fetch *o = bpf_map_lookup_elem(&fetches, &at);

	if (!o)
		return 1;
	if (f->skip) {
		f->skip--;
		return 0;
	}
	switch (o->op) {
	case FETCH_ZERO:
		f->skip = f->fault || !f->acc ? o->imm : 0;
		return 0;
	case FETCH_EQ:
		f->skip = f->fault || f->acc != (__u64)o->imm ? o->arg : 0;
		return 0;
	case FETCH_ERRNO:
		fetch_errno(f);
		return 0;
	case FETCH_ITEM:
		fetch_item(f, o);
		return 0;
	}
	if (o->op <= FETCH_SHR || o->op >= FETCH_FS) {
		fetch_acc(f, o);
		return 0;
	}
	if (f->fault)
		return 0;
	switch (o->op) {
	case FETCH_LOAD:
		fetch_load(f, o->arg);
		break;
	case FETCH_PUT:
		fetch_put(f, o);
		break;
	case FETCH_COPY:
		fetch_copy(f, o);
		break;
	case FETCH_STR:
		fetch_str(f, o);
		break;
	case FETCH_BYTES:
		fetch_bytes(f, o);
		break;
	}
	return 0;
}

#define SLOT_NONE 0
#define SLOT_HERE 254 /* in the last slot, to be sent at once */
#define SLOT_FAR  255 /* in the hash */

/* Where the event of a slot begins. */
static __always_inline __u32 slot_base(__u32 slot)
{
	__u32 n = slot > knob_slots ? knob_slots : slot - 1;

	return n * knob_slot;
}

/* Runs one of the two programs of fn; the registers have been saved. 0, 1: there is nothing to run it with. */
CHECKED_ONCE capture_run(__u32 fn, __u32 slot, __u32 at_return)
{
	struct capture_spec *spec = bpf_map_lookup_elem(&captures, &fn);
	struct fetching f = { .s = stash_find() };
	struct capture_head *h;

	if (!spec || !f.s)
		return 1;
	f.base = slot_base(slot) + sizeof(struct ev_call);
	h = (void *)slot_at(f.s, f.base, 0);
	if (!at_return) {
		h->got = 0;
		h->missed = 0;
		h->bytes = spec->fixed;
	}
	f.first = at_return ? spec->ret : spec->entry;
	f.heap = h->bytes;
	f.s->bad = ~0ull;
	/* Numbers that the verifier does not know: it goes through the loop's body once then, not once for each that a field can have. */
	f.acc = f.s->ip;
	f.fault = *(volatile __u64 *)&f.s->bad & 1;
	f.skip = *(volatile __u64 *)&f.s->bad + 1; /* 0 */
	bpf_loop(at_return ? spec->nret : spec->nentry, fetch_step, &f, 0);
	h->bytes = f.heap;
	return 0;
}

/*
 * Captures the arguments of a call that begins; the registers have been saved. depth: its place on the
 * shadow stack; above that of any slot: none. The slot for its frame, SLOT_NONE: it could not be done.
 */
CHECKED_ONCE capture_enter(__u32 fn, __u64 id, __u32 depth)
{
	__u32 slot = depth < knob_slots ? depth + 1 : SLOT_FAR, base = knob_slots * knob_slot;
	struct stash *s;

	if (capture_run(fn, slot, 0))
		return SLOT_NONE;
	if (slot != SLOT_FAR)
		return slot;
	s = stash_find();
	if (!s || bpf_map_update_elem(&stashed, &id, slot_at(s, base, 0), BPF_ANY))
		return SLOT_NONE;
	return slot;
}

/* Brings a slot that lies in the hash to where it can be worked on. 0, 1: it is gone. */
CHECKED_ONCE slot_fetch(__u32 slot, __u64 id)
{
	struct stash *s;
	void *kept;

	if (slot != SLOT_FAR)
		return 0;
	s = stash_make(); /* a goroutine's, or a dead process's, begun on another thread */
	if (!s)
		return 1;
	kept = bpf_map_lookup_elem(&stashed, &id);
	if (!kept || bpf_probe_read_kernel(slot_at(s, knob_slots * knob_slot, 0), knob_slot, kept))
		return 1;
	bpf_map_delete_elem(&stashed, &id);
	return 0;
}

/* Brings the capture of a frame that is about to end to where it can be worked on. returned: it gets the return's part, too; the
 * registers have been saved. */
CHECKED_ONCE capture_return(struct frame *f, __u32 returned)
{
	if (!f || !f->slot)
		return 0;
	if (slot_fetch(f->slot, f->id)) {
		f->slot = SLOT_NONE;
		f->flags |= FRAME_MISSING;
		return 0;
	}
	if (f->slot == SLOT_FAR)
		f->slot = SLOT_HERE;
	return returned ? capture_run(f->fn, f->slot, 1) : 0;
}

/* The call is not told. */
static __noinline __attribute__((unused)) int slot_drop(__u64 id)
{
	return bpf_map_delete_elem(&stashed, &id);
}

#endif
