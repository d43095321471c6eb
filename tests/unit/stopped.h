/* SPDX-License-Identifier: MIT */
/*
 * stopped.h: a small program under ptrace: stopped where a test wants it, its registers and stack copied as the probes would,
 * its mappings told as debug.h wants them.
 */
#ifndef TPD_STOPPED_H
#define TPD_STOPPED_H

#include <signal.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "debug/debug.h"
#include "target/process.h"
#include "target_build.h"

#define STOPPED_MAPS  64
#define STOPPED_STACK 32768

struct stopped {
	pid_t pid;
	struct process process;
	struct debug_file file[STOPPED_MAPS];
	struct debug_map map[STOPPED_MAPS];
	size_t nmap;
	uint64_t serial;
	struct user_regs_struct user;
	uint64_t regs[DEBUG_REGS];
	uint8_t stack[STOPPED_STACK];
	size_t len;
};

static inline void stopped_wait(struct stopped *s, int sig)
{
	int status = 0;

	cr_assert_eq(waitpid(s->pid, &status, 0), s->pid);
	cr_assert(WIFSTOPPED(status) && WSTOPSIG(status) == sig, "status %x, not signal %d", status, sig);
}

static inline void stopped_start(struct stopped *s, const char *program)
{
	memset(s, 0, sizeof(*s));
	s->pid = fork();
	if (!s->pid) {
		/* The same addresses each time, so that a failure can be looked at. */
		personality(ADDR_NO_RANDOMIZE);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execl(program, program, (char *)NULL);
		_exit(127);
	}
	stopped_wait(s, SIGTRAP);
	cr_assert_eq(process_open(&s->process, s->pid), 0);
}

static inline void stopped_end(struct stopped *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	for (size_t i = 0; i < s->nmap; i++)
		close(s->file[i].fd);
	process_close(&s->process);
}

/* Address in the file of a mapping's first byte: a page may hold the end of one segment and the start of the next. */
static inline uint64_t stopped_address(int fd, const struct module *m)
{
	const struct elf_segment *seg;
	uint64_t addr = 0;
	struct elf *e;
	size_t n;

	cr_assert(fd >= 0 && !elf_open(&e, dup(fd)), "%s", m->path);
	n = elf_segments(e, &seg);
	for (size_t i = 0; i < n; i++)
		if (seg[i].exec && m->offset <= seg[i].offset && seg[i].offset < m->offset + (m->end - m->start))
			addr = seg[i].vaddr - (seg[i].offset - m->offset);
	elf_close(e);
	return addr;
}

/* Tells the mappings as they are now. */
static inline void stopped_read_maps(struct stopped *s)
{
	static uint64_t serial;

	cr_assert_eq(process_read_maps(&s->process), 0);
	for (size_t i = 0; i < s->nmap; i++)
		close(s->file[i].fd);
	s->nmap = 0;
	s->serial = ++serial;
	for (size_t i = 0; i < s->process.nmodules && s->nmap < STOPPED_MAPS; i++) {
		const struct module *m = &s->process.modules[i];
		struct debug_file *f = &s->file[s->nmap];

		*f = (struct debug_file){ .fd = process_open_module(&s->process, m), .debug_fd = -1, .alt_fd = -1 };
		f->key = serial << 16 | i;
		s->map[s->nmap++] = (struct debug_map){ m->start, m->end, m->start - stopped_address(f->fd, m), f, m->path };
	}
}

static inline void stopped_sample(struct stopped *s)
{
	struct user_regs_struct *u = &s->user;
	struct iovec to = { s->stack, sizeof(s->stack) }, from;
	ssize_t n;

	cr_assert_eq(ptrace(PTRACE_GETREGS, s->pid, NULL, u), 0);
	memcpy(s->regs,
	       (uint64_t[]){ u->rax, u->rdx, u->rcx, u->rbx, u->rsi, u->rdi, u->rbp, u->rsp, u->r8, u->r9, u->r10, u->r11,
			     u->r12, u->r13, u->r14, u->r15, u->rip },
	       sizeof(s->regs));
	from = (struct iovec){ (void *)u->rsp, sizeof(s->stack) };
	n = process_vm_readv(s->pid, &to, 1, &from, 1, 0);
	for (s->len = sizeof(s->stack); n < 0 && s->len > 64; n = process_vm_readv(s->pid, &to, 1, &from, 1, 0))
		from.iov_len = s->len -= 64; /* the stack ends before */
	s->len = n > 0 ? (size_t)n : 0;
}

static inline int stopped_unwind(struct debug *d, struct stopped *s, const struct debug_frame **f, size_t *n, bool *whole)
{
	return debug_stack(d, s->pid, s->serial, s->map, s->nmap, s->regs, s->stack, s->len, f, n, whole);
}

/* Runs until rip is addr: a breakpoint, as a uprobe is one, that is gone when this returns. */
static inline void stopped_run_to(struct stopped *s, uint64_t addr)
{
	long old = ptrace(PTRACE_PEEKTEXT, s->pid, addr, NULL);
	struct user_regs_struct u;

	cr_assert_eq(ptrace(PTRACE_POKETEXT, s->pid, addr, (old & ~0xffl) | 0xcc), 0);
	for (int status, sig = 0; sig != SIGTRAP;) {
		cr_assert_eq(ptrace(PTRACE_CONT, s->pid, NULL, sig), 0);
		cr_assert_eq(waitpid(s->pid, &status, 0), s->pid);
		cr_assert(WIFSTOPPED(status), "it ended: %x", status);
		sig = WSTOPSIG(status);
	}
	cr_assert_eq(ptrace(PTRACE_POKETEXT, s->pid, addr, old), 0);
	ptrace(PTRACE_GETREGS, s->pid, NULL, &u);
	cr_assert_eq(u.rip, addr + 1);
	u.rip--;
	ptrace(PTRACE_SETREGS, s->pid, NULL, &u);
}

/* Where a symbol of the program itself (as nm tells it, from a copy that was not stripped) is at run time. */
static inline uint64_t stopped_symbol(struct stopped *s, const char *file, const char *symbol)
{
	char out[4096];
	uint64_t addr;

	build_run(out, "nm %s | awk '$3 == \"%s\" { print $1 }'", file, symbol);
	addr = strtoull(out, NULL, 16);
	cr_assert_neq(addr, 0, "%s has no %s", file, symbol);
	stopped_read_maps(s);
	for (size_t i = 0; i < s->nmap; i++)
		if (!strncmp(s->map[i].path, build_dir, strlen(build_dir)))
			return addr + s->map[i].bias;
	cr_assert_fail("%s is not mapped", file);
	return 0;
}

#endif
