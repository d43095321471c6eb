/* SPDX-License-Identifier: MIT */
/* exceptions_signal.c: signals that end a process, told as exceptions: a fault at its instruction, or what a program raises itself. */
#include <inttypes.h>
#include <signal.h>

#include "pipeline/exceptions_priv.h"

/* Between the call that gives up and the signal. What the runtimes of other languages do before it is in their own tables. */
static const struct name_rule raising[] = {
	{ "raise", NULL },	     { "gsignal", NULL },	  { "abort", NULL },	      { "kill", NULL },
	{ "tgkill", NULL },	     { "pthread_kill*", NULL },	  { "__pthread_kill*", NULL }, { "__assert*", NULL },
	{ "__GI_*", NULL },	     { "__libc_message*", NULL }, { "__libc_fatal", NULL },   { "__fortify_fail*", NULL },
	{ "__chk_fail", NULL },	     { "__stack_chk_fail*", NULL }, { "malloc_printerr", NULL },
	{ "__cxa_*", NULL },	     { "_Unwind_*", NULL },	  { "__cxxabiv1::*", NULL },  { "__gnu_cxx::*", NULL },
	{ "std::terminate", NULL },  { "std::__terminate*", NULL }, { "std::__throw_*", NULL }, { "std::abort", NULL },
	{ "abort_message", NULL },   { "demangling_terminate_handler*", NULL },		      { "__gxx_personality_v0", NULL },
	{ "std::rethrow_exception", NULL }, { "__clang_call_terminate", NULL },		      { "std::panic*", NULL },
	{ "std::sys*", NULL },	     { "std::process::abort", NULL }, { "core::panic*", NULL }, { "core::option::*", NULL },
	{ "core::result::*", NULL }, { "core::slice::*", NULL },  { "rust_panic*", NULL },    { "rust_begin_unwind", NULL },
	{ "__rust_*", NULL },	     { "__rustc::*", NULL },	  { "panic_abort::*", NULL }, { "panic_unwind::*", NULL },
	{ "runtime.*", NULL },
};

static const struct language language_raised = {
	.name = "c", .runtime = raising, .nruntime = ARRAY_SIZE(raising),
};

static const struct language language_fault = {
	.name = "c",
};

/* Why the kernel sent it (sigaction(2)); with an address, %s stands for it. */
static const struct {
	int sig, code;
	bool address;
	const char *text;
} reasons[] = {
	{ SIGSEGV, SEGV_MAPERR, true, "invalid address %s" },
	{ SIGSEGV, SEGV_ACCERR, true, "access denied at address %s" },
	{ SIGSEGV, SEGV_BNDERR, true, "bounds check failed at address %s" },
	{ SIGSEGV, SEGV_PKUERR, true, "access denied by a protection key at address %s" },
	{ SIGSEGV, SI_KERNEL, false, "general protection fault: no canonical address, or a forbidden instruction" },
	{ SIGBUS, BUS_ADRALN, true, "misaligned address %s" },
	{ SIGBUS, BUS_ADRERR, true, "nothing behind address %s, such as beyond the end of a mapped file" },
	{ SIGBUS, BUS_OBJERR, true, "hardware error at address %s" },
	{ SIGBUS, BUS_MCEERR_AR, true, "memory error at address %s" },
	{ SIGBUS, BUS_MCEERR_AO, true, "memory error found at address %s" },
	{ SIGFPE, FPE_INTDIV, false, "integer division by zero, or its result is too large" },
	{ SIGFPE, FPE_INTOVF, false, "integer overflow" },
	{ SIGFPE, FPE_FLTDIV, false, "floating-point division by zero" },
	{ SIGFPE, FPE_FLTOVF, false, "floating-point overflow" },
	{ SIGFPE, FPE_FLTUND, false, "floating-point underflow" },
	{ SIGFPE, FPE_FLTRES, false, "floating-point result is inexact" },
	{ SIGFPE, FPE_FLTINV, false, "invalid floating-point operation" },
	{ SIGILL, ILL_ILLOPC, true, "illegal instruction at address %s" },
	{ SIGILL, ILL_ILLOPN, true, "illegal instruction at address %s" },
	{ SIGILL, ILL_ILLADR, true, "illegal addressing mode at address %s" },
	{ SIGILL, ILL_PRVOPC, true, "privileged instruction at address %s" },
	{ SIGTRAP, TRAP_BRKPT, true, "breakpoint at address %s" },
	{ SIGTRAP, TRAP_TRACE, true, "trace trap at address %s" },
	{ SIGTRAP, SI_KERNEL, false, "breakpoint" },
	{ SIGSYS, 1 /* SYS_SECCOMP */, false, "system call forbidden by seccomp" },
};

static int set_type(struct exception *ex, int sig)
{
	const char *name = sigabbrev_np(sig);
	char buf[32];

	if (name)
		snprintf(buf, sizeof(buf), "SIG%s", name);
	else
		snprintf(buf, sizeof(buf), "signal %d", sig);
	return exception_set_type(ex, buf);
}

/* Only a fault has an address: one that was sent has a sender there (struct siginfo is a union). */
static int set_reason(struct exception *ex, const struct ev_signal *e)
{
	const char *text = sigdescr_np((int)e->sig), *before;
	char buf[160], address[24];
	bool known = false;

	snprintf(address, sizeof(address), "0x%" PRIx64, (uint64_t)e->addr);
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (reasons[i].sig != (int)e->sig || reasons[i].code != e->code)
			continue;
		text = reasons[i].text;
		known = reasons[i].address;
	}
	ex->has_address = known;
	ex->address = e->addr;
	if (!text) {
		ex->no_message = "unknown_signal";
		return 0;
	}
	before = known ? strstr(text, "%s") : NULL;
	if (before)
		snprintf(buf, sizeof(buf), "%.*s%s%s", (int)(before - text), text, address, before + 2);
	else
		snprintf(buf, sizeof(buf), "%s", text);
	return exception_set_message(ex, buf, strlen(buf));
}

int signal_exception(const struct ev_signal *e, struct exception *ex)
{
	size_t len = strnlen(e->text, e->text_len);
	int err;

	ex->id = e->id;
	ex->ts_ns = e->h.ts_ns;
	ex->call = e->call;
	ex->pid = e->h.pid;
	ex->tid = e->h.tid;
	ex->signal = (int)e->sig;
	ex->language = e->code > 0 && e->sig != SIGABRT ? &language_fault : &language_raised;
	memcpy(ex->comm, e->comm, sizeof(ex->comm));
	err = set_type(ex, ex->signal);
	if (err)
		return err;
	while (len && (e->text[len - 1] == '\n' || e->text[len - 1] == ' '))
		len--;
	if (!len)
		return set_reason(ex, e);
	if (e->text_len >= THROW_TEXT - 1)
		ex->message_all = UINT64_MAX;
	return exception_set_message(ex, e->text, len);
}

bool signal_of_runtime(uint32_t sig)
{
	return sig == SIGABRT || sig == SIGILL || sig == SIGTRAP;
}
