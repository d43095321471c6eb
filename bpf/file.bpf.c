/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * file.bpf.c: system calls on files. What they mean is user space's business; here their arguments are kept from entry to exit, and
 * paths are read at the exit, when the kernel has just read them itself, so that their pages are there.
 *
 * A thread is in one system call at a time: one that a signal interrupts has returned before the handler makes its own.
 */
#include "throw.bpf.h"

extern const volatile __u64 knob_file_min_ns; /* shorter ones are not shown */
extern const volatile __u32 knob_file_count;  /* 1: --files=summary */
extern const volatile __u32 knob_file_errors; /* 1: only failed ones are shown */

#define PATH_FIRST  FILE_PATH_MAX
#define PATH_SECOND FILE_PATH_SECOND

struct sysio {
	__u32 nr;
	__u32 inside; /* a call that matters has begun */
	struct ev_file e;
	char text[PATH_FIRST + PATH_SECOND];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sysio);
} sysios SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SYS_MAX);
	__type(key, __u32);
	__type(value, struct sys_spec);
} syscalls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct file_key);
	__type(value, struct file_stats);
} file_totals SEC(".maps");

/* When descriptors of a process were last changed. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u64);
} file_changes SEC(".maps");

SEC("tp_btf/sys_enter")
int file_enter(__u64 *ctx)
{
	struct pt_regs *regs = (void *)ctx[0];
	__u32 nr = ctx[1], tgid = bpf_get_current_pid_tgid() >> 32;
	struct sys_spec *spec;
	struct sysio *s;
	struct pt_regs r;

	if (!target_flags(tgid))
		return 0;
	spec = bpf_map_lookup_elem(&syscalls, &nr);
	if (!spec || !spec->flags)
		return 0;
	s = bpf_task_storage_get(&sysios, bpf_get_current_task_btf(), NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!s || bpf_probe_read_kernel(&r, sizeof(r), regs))
		return 0;
	s->nr = nr;
	s->inside = 1;
	s->e.arg[0] = r.di;
	s->e.arg[1] = r.si;
	s->e.arg[2] = r.dx;
	s->e.arg[3] = r.r10;
	s->e.arg[4] = r.r8;
	s->e.arg[5] = r.r9;
	s->e.start_ns = bpf_ktime_get_ns();
	return 0;
}

/* Argument number n of six, from 1; the bound is for the verifier. */
static __always_inline __u64 argument(const struct ev_file *e, __u32 n)
{
	__u64 i = n - 1;

	asm volatile("if %0 <= 5 goto +1\n\t%0 = 0" : "+r"(i));
	return e->arg[i];
}

/* At most max - 1 bytes of a path. */
static __always_inline __u32 path_read(struct ev_file *e, char *to, __u32 max, __u64 from)
{
	long n = bpf_probe_read_user_str(to, max, (void *)from);

	if (n < 0) {
		e->flags |= FILE_F_FAULT;
		return 0;
	}
	if (n == max)
		e->flags |= FILE_F_TRUNCATED;
	return n > 0 ? n - 1 : 0;
}

static __always_inline void texts_read(struct sysio *s, const struct sys_spec *spec)
{
	struct ev_file *e = &s->e;
	__u64 n = 0;

	if (spec->path)
		n = path_read(e, s->text, PATH_FIRST, argument(e, spec->path));
	e->path_len = n;
	if (!spec->path2)
		return;
	asm volatile("if %0 < %1 goto +1\n\t%0 = 0" : "+r"(n) : "i"(PATH_FIRST));
	/* There is room for one whole path and most of another. */
	if (n <= PATH_SECOND)
		e->path2_len = path_read(e, s->text + n, PATH_FIRST, argument(e, spec->path2));
	else
		e->path2_len = path_read(e, s->text + n, PATH_SECOND, argument(e, spec->path2));
}

static __always_inline void aux_read(struct ev_file *e, const struct sys_spec *spec)
{
	__u64 from = argument(e, spec->aux);
	__u32 n = spec->aux_len;

	if (n > sizeof(e->aux))
		n = sizeof(e->aux);
	e->aux[0] = e->aux[1] = 0;
	if (from && !bpf_probe_read_user(e->aux, n, (void *)from))
		e->flags |= FILE_F_AUX;
}

/* --files=summary: added up by descriptor. */
CHECKED_ONCE file_count(__u32 nr, __u64 fd, __s64 ret, __u64 ns)
{
	struct file_key key = { .tgid = bpf_get_current_pid_tgid() >> 32, .fd = fd, .nr = nr };
	static const struct file_stats none = {};
	struct file_stats *t;
	__u64 *since;
	__u32 b = 0;

	since = bpf_map_lookup_elem(&file_changes, &key.tgid);
	key.since = since ? *since : 0;
	t = bpf_map_lookup_elem(&file_totals, &key);
	if (!t) {
		bpf_map_update_elem(&file_totals, &key, &none, BPF_NOEXIST);
		t = bpf_map_lookup_elem(&file_totals, &key);
	}
	if (!t) {
		more_lost();
		return 0;
	}
	while (b < FILE_BUCKETS - 1 && ns >> (b + 1))
		b++;
	__sync_fetch_and_add(&t->ops, 1);
	__sync_fetch_and_add(&t->total_ns, ns);
	__sync_fetch_and_add(&t->bucket[b], 1);
	if (ret < 0)
		__sync_fetch_and_add(&t->errors, 1);
	else
		__sync_fetch_and_add(&t->bytes, ret);
	stat_raise(&t->max_ns, ns);
	return 0;
}

static __always_inline __u64 file_call(void)
{
	struct thread *t = thread_find();

	return t ? call_around(t) : 0;
}

CHECKED_ONCE file_emit(__u64 now)
{
	struct sysio *s = bpf_task_storage_get(&sysios, bpf_get_current_task_btf(), NULL, 0);
	__u64 len;

	if (!s)
		return 0;
	len = sizeof(s->e) + s->e.path_len + s->e.path2_len;
	len = (len + 7) & ~7ull;
	asm volatile("if %0 <= %1 goto +1\n\t%0 = %1" : "+r"(len) : "i"(sizeof(s->e) + PATH_FIRST + PATH_SECOND));
	s->e.nr = s->nr;
	s->e.call = file_call();
	bpf_get_current_comm(s->e.comm, sizeof(s->e.comm));
	if (!event_send(&s->e.h, EV_FILE, len, now, bpf_get_current_pid_tgid()))
		more_lost();
	return 0;
}

SEC("tp_btf/sys_exit")
int file_exit(__u64 *ctx)
{
	__s64 ret = (__s64)ctx[1];
	struct sys_spec *spec;
	struct sysio *s;
	__u64 now, ns;
	bool show;
	__u32 nr;

	if (!target_flags(bpf_get_current_pid_tgid() >> 32))
		return 0;
	s = bpf_task_storage_get(&sysios, bpf_get_current_task_btf(), NULL, 0);
	if (!s || !s->inside)
		return 0;
	s->inside = 0;
	nr = s->nr;
	spec = bpf_map_lookup_elem(&syscalls, &nr);
	if (!spec)
		return 0;
	now = bpf_ktime_get_ns();
	ns = now - s->e.start_ns;
	if (spec->flags & SYS_F_COUNT && spec->fd)
		file_count(nr, argument(&s->e, spec->fd), spec->bytes || ret < 0 ? ret : 0, ns);
	show = spec->flags & SYS_F_SHOW && ns >= knob_file_min_ns && (ret < 0 || !knob_file_errors);
	if (!show && !(spec->flags & SYS_F_TRACK && ret >= 0))
		return 0;
	if (knob_file_count && spec->flags & SYS_F_TRACK) {
		__u32 tgid = bpf_get_current_pid_tgid() >> 32;

		bpf_map_update_elem(&file_changes, &tgid, &now, BPF_ANY);
	}
	s->e.ret = ret;
	s->e.flags = show ? 0 : FILE_F_QUIET;
	s->e.path_len = s->e.path2_len = 0;
	s->e.pad = 0;
	texts_read(s, spec);
	if (spec->aux)
		aux_read(&s->e, spec);
	return file_emit(now);
}
