/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* signal.bpf.c: the signal that ends a process: what, where, and what the C library had to say about it. */
#include "throw.bpf.h"

/* Those whose default is to dump core; the others are somebody's wish, and the process record tells them. */
#define FATAL (1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 8 | 1u << 11 | 1u << 24 | 1u << 25 | 1u << 31)

static __always_inline void signal_text(struct ev_signal *e)
{
	__u32 tgid = e->h.pid; /* on the stack: 6.1 takes no other memory for a key */
	struct target_places *p = bpf_map_lookup_elem(&places, &tgid);
	long n = 0;

	/* glibc's struct abort_msg_s: its size in 4 bytes, then the text. */
	if (p && p->abort_msg && user_word(p->abort_msg))
		n = user_text(e->text, user_word(p->abort_msg) + 4);
	e->text_len = n > 0 ? n : 0;
}

static __always_inline void signal_regs(struct ev_place *p)
{
	struct pt_regs r = {};

	bpf_probe_read_kernel(&r, sizeof(r), (void *)bpf_task_pt_regs(bpf_get_current_task_btf()));
	p->regs[0] = r.ax;
	p->regs[1] = r.dx;
	p->regs[2] = r.cx;
	p->regs[3] = r.bx;
	p->regs[4] = r.si;
	p->regs[5] = r.di;
	p->regs[6] = r.bp;
	p->regs[7] = r.sp;
	p->regs[8] = r.r8;
	p->regs[9] = r.r9;
	p->regs[10] = r.r10;
	p->regs[11] = r.r11;
	p->regs[12] = r.r12;
	p->regs[13] = r.r13;
	p->regs[14] = r.r14;
	p->regs[15] = r.r15;
	p->regs[16] = r.ip;
}

/* int sig, struct kernel_siginfo *info, struct k_sigaction *ka; in the thread that it is delivered to. */
SEC("tp_btf/signal_deliver")
int signal_deliver(__u64 *ctx)
{
	struct kernel_siginfo *info = (void *)ctx[1];
	struct k_sigaction *ka = (void *)ctx[2];
	__u32 tgid = bpf_get_current_pid_tgid() >> 32, sig = ctx[0];
	struct live *l = live_get();
	struct ev_signal *e;
	struct thread *t;
	__u64 seq = 0, addr = 0;

	if (!target_flags(tgid) || sig > 31 || !(FATAL >> sig & 1) || BPF_CORE_READ(ka, sa.sa_handler))
		return 0;
	e = event_reserve(EV_SIGNAL, sizeof(*e) + knob_signal, bpf_ktime_get_ns(), &seq);
	if (!e)
		return 0;
	__builtin_memset((char *)e + sizeof(e->h), 0, sizeof(*e) - sizeof(e->h));
	t = thread_find();
	if (t)
		e->call = call_around(t);
	if (l)
		e->id = (__sync_fetch_and_add(&l->serial, 1) + 1) << 40;
	e->sig = sig;
	/* A signal that was not sent with information has a small number for a pointer, which reads as nothing. */
	bpf_core_read(&e->code, sizeof(e->code), &info->si_code);
	bpf_probe_read_kernel(&addr, sizeof(addr), (char *)info + 16); /* siginfo's ABI: _sigfault._addr */
	e->addr = addr;
	if (sig == 6)
		signal_text(e);
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	signal_regs(&e->at);
	e->at.len = place_stack((__u8 *)(e + 1), knob_signal, e->at.regs[7]);
	bpf_ringbuf_submit(e, BPF_RB_FORCE_WAKEUP);
	return 0;
}
