/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * throw.bpf.h: what is thrown, from where, and who catches it. Everything that user space may need to say what it is must be
 * read now: the object dies with the handler, the process perhaps with the exception. So words are followed that might be
 * pointers; what they mean is decided by type, in exceptions.c.
 */
#ifndef TPD_THROW_BPF_H
#define TPD_THROW_BPF_H

#include "stack.bpf.h"

static __always_inline __u64 user_word(__u64 addr)
{
	__u64 v = 0;

	bpf_probe_read_user(&v, sizeof(v), (void *)addr);
	return v;
}

/* Negative: it cannot be read. */
static __always_inline long user_text(char *to, __u64 addr)
{
	long n = bpf_probe_read_user_str(to, THROW_TEXT, (void *)addr);

	return n > 0 ? n - 1 : n;
}

/* A string of known length. */
static __always_inline void throw_text(struct ev_throw *e, __u64 addr, __u64 len)
{
	__u64 n = len > THROW_TEXT ? THROW_TEXT : len;

	if (!n || len >> 32)
		return;
	e->text_at = addr;
	e->text_all = len;
	if (!bpf_probe_read_user(e->text, n, (void *)addr))
		e->text_len = n;
}

/* The object's first bytes: an int has 4, and there may be nothing behind it. */
static __always_inline void throw_raw(struct ev_throw *e, __u64 addr)
{
	for (__u32 n = THROW_RAW; n >= 4; n /= 2)
		if (!bpf_probe_read_user(e->raw, n, (void *)addr))
			break;
}

/* The header that __cxa_throw puts before the unwinder's; both libraries end it alike (libstdc++ unwind-cxx.h, libc++abi
 * cxa_exception.h): the type 80 bytes before it, the object 32 behind. */
#define CXX_TYPE	(-80)
#define CXX_OBJECT	32
#define CXX_PRIMARY_GNU	(-80)  /* dependent exceptions: the object that they refer to */
#define CXX_PRIMARY_LLVM (-88)
#define CXX_HEADER	112    /* from the type to the object */
#define CLASS_GNU  0x474e5543432b2b00ull /* "GNUCC++\0", low byte 1: dependent */
#define CLASS_RUST 0x54535552005a4f4dull /* "MOZ\0RUST" in memory */

static __always_inline void throw_cxx(struct ev_throw *e, __u64 exc)
{
	long n;

	e->object = exc + CXX_OBJECT;
	e->type = user_word(exc + CXX_TYPE);
	if (e->class & 1) {
		e->flags |= THROW_F_DEPENDENT;
		e->object = user_word(exc + ((e->class & ~0xffull) == CLASS_GNU ? CXX_PRIMARY_GNU : CXX_PRIMARY_LLVM));
		e->type = user_word(e->object - CXX_HEADER);
	}
	e->name_at = user_word(e->type + 8);
	n = user_text(e->name, e->name_at);
	e->name_len = n > 0 ? n : 0;
	throw_raw(e, e->object);
	e->what = user_word(user_word(e->object) + 16);
	/* std::runtime_error and its like have their text behind the table pointer; char const * is it. */
	e->text_at = user_word(e->object + (e->name[0] == 'P' && e->name[1] == 'K' && e->name[2] == 'c' && !e->name[3] ? 0 : 8));
	n = user_text(e->text, e->text_at);
	e->text_len = n > 0 ? n : 0;
	e->text_all = n < 0 ? ~0ull : e->text_len;
}

/* std's Exception: the unwinder's 32 bytes, a canary since 1.71, then Box<dyn Any>: data and table (drop, size, align). */
static __always_inline void throw_rust(struct ev_throw *e, __u64 exc)
{
	__u64 w[3] = {}, data, size, p;

	bpf_probe_read_user(w, sizeof(w), (void *)(exc + 32));
	size = user_word(w[2] + 8);
	data = w[1];
	e->type = w[2];
	if ((size != 16 && size != 24) || user_word(w[2] + 16) != 8) {
		size = user_word(w[1] + 8);
		data = w[0];
		e->type = w[1];
	}
	e->object = data;
	throw_raw(e, data);
	p = *(__u64 *)e->raw;
	/* &str: pointer, length. String: capacity and pointer in either order, length. */
	if (size == 16)
		throw_text(e, p, *(__u64 *)(e->raw + 8));
	else if (size == 24)
		throw_text(e, *(__u64 *)(e->raw + 8) > p ? *(__u64 *)(e->raw + 8) : p, *(__u64 *)(e->raw + 16));
}

/* core::panic::Location: the file's name, its length, line and column. True: it looks like one. */
static __always_inline bool location_read(struct ev_throw *e, __u64 addr)
{
	struct {
		__u64 file, len;
		__u32 line, column;
	} l = {};
	__u32 end = 0;

	bpf_probe_read_user(&l, sizeof(l), (void *)addr);
	if (l.len < 4 || l.len >= sizeof(e->file) || !l.line)
		return false;
	bpf_probe_read_user(&end, 3, (void *)(l.file + l.len - 3));
	if (end != 0x73722e /* ".rs" */ || bpf_probe_read_user(e->file, l.len & (sizeof(e->file) - 1), (void *)l.file))
		return false;
	e->line = (__u64)l.line << 32 | l.column;
	return true;
}

/* core::panic::PanicInfo: the message, then the place; until Rust 1.80 the payload of two words came before. */
static __always_inline void throw_place(struct ev_throw *e, struct thread *t)
{
	if (t->panic && !location_read(e, user_word(t->panic + 8)))
		location_read(e, user_word(t->panic + 24));
	t->panic = 0;
}

/* The same where panics abort: a &mut dyn PanicPayload, of a &str, or of a String that has been made for the message. */
static __always_inline void throw_abort(struct ev_throw *e, __u64 data, __u64 table)
{
	__u64 size = user_word(table + 8), *w = (__u64 *)e->raw;

	e->lang = LANG_RUST;
	e->class = CLASS_RUST;
	e->type = table;
	e->object = data;
	throw_raw(e, data);
	if (size == 16)
		throw_text(e, w[0], w[1]);
	else if (w[1] > w[0] && w[0] >= w[2])
		throw_text(e, w[1], w[2]);
	else
		throw_text(e, w[2] > w[1] ? w[2] : w[1], w[3]);
}

/* A panic's value is an interface: type and data, which most often begins with a string. */
static __always_inline void throw_go(struct ev_throw *e, __u64 type, __u64 data)
{
	e->lang = LANG_GO;
	e->type = type;
	e->object = data;
	throw_raw(e, data);
	throw_text(e, *(__u64 *)e->raw, *(__u64 *)(e->raw + 8));
}

/* Exceptions under way, by the unwinder's address of them: which one is caught? */
struct throw_key {
	__u64 tgid;
	__u64 exc;
};

struct under_way {
	__u64 id;
	__u64 sp; /* where the unwinder was last entered for it: a handler is further out */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct throw_key);
	__type(value, struct under_way);
} thrown SEC(".maps") __weak;

/* Innermost traced call of this thread, as far as it is known. */
static __always_inline __u64 call_around(struct thread *t)
{
	struct far_key key = { .tgid = bpf_get_current_pid_tgid() >> 32, .addr = t->far_top };
	struct far_frame *f = t->far_top ? bpf_map_lookup_elem(&far, &key) : NULL;

	if (f)
		return f->f.id;
	return t->n ? frame_at(t, t->n - 1)->id : 0;
}

#define THROW_GO    0xffffffffu
#define THROW_ABORT 0xfffffffeu

/*
 * Something is thrown here; registers are saved. exc: the unwinder's exception; with how THROW_GO and THROW_ABORT the type and data
 * of what is thrown. The id that it gets, 0: it is not told. go_call: the goroutine's innermost call.
 */
static __noinline __attribute__((unused)) __u64 throw_emit(__u64 exc, __u64 data, __u32 how, __u64 go_call, __u64 now)
{
	struct thread *t = thread_find();
	struct stash *s = stash_find();
	struct ev_throw *e;
	__u64 seq = 0;

	if (!t || !s)
		return 0;
	e = event_reserve(EV_THROW, sizeof(*e) + knob_throw, now, &seq);
	if (!e)
		return 0;
	__builtin_memset((char *)e + sizeof(e->h), 0, sizeof(*e) - sizeof(e->h));
	e->id = thread_next_id(t);
	e->call = how == THROW_GO ? go_call : call_around(t);
	if (how == THROW_GO) {
		throw_go(e, exc, data);
	} else if (how == THROW_ABORT) {
		throw_abort(e, exc, data);
	} else {
		e->class = user_word(exc);
		e->lang = e->class == CLASS_RUST ? LANG_RUST : LANG_CXX;
		if (e->class == CLASS_RUST)
			throw_rust(e, exc);
		else
			throw_cxx(e, exc);
	}
	if (e->lang == LANG_RUST)
		throw_place(e, t);
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	place_regs(&e->at, s);
	e->at.len = place_stack((__u8 *)(e + 1), knob_throw, s->reg[4]);
	exc = e->id;
	bpf_ringbuf_submit(e, wake_flags(seq));
	return exc;
}

CHECKED_ONCE catch_emit(__u64 id, __u64 ip, __u32 how, __u64 now)
{
	struct ev_catch *e;
	__u64 seq = 0;

	e = event_reserve(EV_CATCH, sizeof(*e), now, &seq);
	if (!e)
		return 0;
	e->id = id;
	e->ip = ip;
	e->how = how;
	e->pad = 0;
	bpf_ringbuf_submit(e, wake_flags(seq));
	return 0;
}

#endif
