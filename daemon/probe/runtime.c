/* SPDX-License-Identifier: MIT */
/* runtime.c: the tables of what language runtimes look like, and what they mean for return probes. */
#include <elf.h>
#include <link.h>

#include "probe/runtime.h"
#include "target/insn.h"

/* Libraries whose presence alone is evidence. Matched at the start of the base name. */
static const struct {
	const char *prefix;
	uint32_t runtime;
} libraries[] = {
	{ "libgcc_s.", RUNTIME_UNWINDER },    { "libunwind", RUNTIME_UNWINDER },
	{ "libstdc++.", RUNTIME_UNWINDER },   { "libc++.", RUNTIME_UNWINDER },
	{ "libc++abi.", RUNTIME_UNWINDER },   { "libasan.", RUNTIME_UNWINDER },
	{ "libtsan.", RUNTIME_UNWINDER },     { "libubsan.", RUNTIME_UNWINDER },
	{ "libjvm.", RUNTIME_UNWINDER },      { "libgo.", RUNTIME_GO },
	{ "libtcmalloc", RUNTIME_UNWINDER },  { "libprofiler.", RUNTIME_UNWINDER },
	{ "libboost_context", RUNTIME_FIBERS },
};

/* Functions that, imported or defined, are evidence. */
static const struct {
	const char *name;
	uint32_t runtime;
} evidence[] = {
	{ "_Unwind_RaiseException", RUNTIME_UNWINDER },
	{ "_Unwind_Resume", RUNTIME_UNWINDER },
	{ "_Unwind_ForcedUnwind", RUNTIME_UNWINDER },
	{ "_Unwind_Backtrace", RUNTIME_UNWINDER },
	{ "__cxa_throw", RUNTIME_UNWINDER },
	{ "__register_frame_info", RUNTIME_UNWINDER },
	{ "backtrace", RUNTIME_UNWINDER },
	{ "pthread_exit", RUNTIME_UNWINDER },   /* both load libgcc_s and unwind by force */
	{ "pthread_cancel", RUNTIME_UNWINDER },
	{ "unw_step", RUNTIME_UNWINDER },
	{ "dl_iterate_phdr", RUNTIME_UNWINDER }, /* how a statically linked unwinder finds its tables */
	{ "_dl_find_object", RUNTIME_UNWINDER },
	{ "sigaltstack", RUNTIME_FIBERS },
	{ "swapcontext", RUNTIME_FIBERS },
	{ "setcontext", RUNTIME_FIBERS },
	{ "makecontext", RUNTIME_FIBERS },
	{ "jump_fcontext", RUNTIME_FIBERS },
	{ "ontop_fcontext", RUNTIME_FIBERS },
	{ "co_switch", RUNTIME_FIBERS },
	{ "runtime.newproc1", RUNTIME_GO },
};

/* The C library and the loader define some of these for others. */
static const char *const exempt[] = { "libc.so", "libc-2.", "ld-linux", "ld-musl", "libc.musl", "libpthread" };

/* Functions by which frames die without a return; bpf/hook.bpf.c says what each means. */
static const struct {
	const char *name;
	enum hook hook;
} hooks[] = {
	{ "_Unwind_RaiseException", HOOK_RAISE },
	{ "_Unwind_Resume_or_Rethrow", HOOK_RAISE },
	{ "_Unwind_Resume", HOOK_LAND },
	{ "_Unwind_SetIP", HOOK_SETIP },
	{ "_Unwind_ForcedUnwind", HOOK_FORCED },
	{ "pthread_exit", HOOK_FORCED },
	{ "__cxa_begin_catch", HOOK_CATCH },
	{ "__rust_panic_cleanup", HOOK_CATCH },
	{ "rust_begin_unwind", HOOK_PANIC_INFO },
	{ "rust_panic", HOOK_PANIC },
	{ "__rust_start_panic", HOOK_PANIC },
	{ "longjmp", HOOK_LONGJMP },
	{ "_longjmp", HOOK_LONGJMP },
	{ "siglongjmp", HOOK_LONGJMP },
	{ "__longjmp_chk", HOOK_LONGJMP },
	{ "__libc_siglongjmp", HOOK_LONGJMP },
	{ "swapcontext", HOOK_SWAP },
	{ "setcontext", HOOK_SET },
	{ "runtime.gopanic", HOOK_GO_PANIC },
	{ "runtime.recovery", HOOK_GO_RECOVER },
	{ "runtime.goexit1", HOOK_GO_EXIT },
	{ "_dl_debug_state", HOOK_LIBRARY },
};

/* Functions that return twice, or act on the address that they return to. */
static const char *const own_return[] = {
	"setjmp", "_setjmp", "sigsetjmp", "__sigsetjmp", "savectx", "vfork", "__vfork", "__libc_vfork", "clone",
	"__clone", "clone3", "__clone3", "fork", "_Fork", "__libc_fork", "getcontext", "swapcontext", "setcontext",
	"makecontext", "longjmp", "_longjmp", "siglongjmp", "__longjmp_chk", "dlopen", "dlmopen", "dlsym",
	"dlvsym", "dlerror", "mcount", "_mcount", "__fentry__", "_start", "__restore_rt", "_dl_runtime_resolve",
	"__tls_get_addr", "backtrace", "__builtin_return_address", "pthread_exit", "__pthread_unwind",
};

bool runtime_is_libc(const char *path)
{
	const char *base = util_base_name(path);

	for (size_t i = 0; i < ARRAY_SIZE(exempt); i++)
		if (!strncmp(base, exempt[i], strlen(exempt[i])))
			return true;
	return false;
}

/* A first letter that no table entry has spares the comparisons: symbol tables are long. */
static bool may_matter(const char *name)
{
	return strchr("_bcdjlmoprsu", name[0]) != NULL;
}

static uint32_t defined_evidence(struct symbols *s)
{
	const struct symbol *v;
	size_t n = symbols_all(s, &v);
	uint32_t found = 0;

	for (size_t i = 0; i < n; i++)
		if (may_matter(v[i].name))
			for (size_t j = 0; j < ARRAY_SIZE(evidence); j++)
				if (!strcmp(v[i].name, evidence[j].name))
					found |= evidence[j].runtime;
	return found;
}

int runtime_of(struct image *img, int rootfd, uint32_t *ret)
{
	const char *base = util_base_name(img->path);
	struct symbols *s;
	uint32_t found = 0;
	int err;

	if (img->runtime_known) {
		*ret = img->runtimes;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(libraries); i++)
		if (!strncmp(base, libraries[i].prefix, strlen(libraries[i].prefix)))
			found |= libraries[i].runtime;
	if (elf_is_go(img->elf))
		found |= RUNTIME_GO;
	if (!found && !runtime_is_libc(img->path)) {
		for (size_t i = 0; i < ARRAY_SIZE(evidence); i++)
			if (elf_imports(img->elf, evidence[i].name))
				found |= evidence[i].runtime;
	}
	if (!found && !runtime_is_libc(img->path)) {
		const struct symbol *v;

		err = image_symbols(img, rootfd, &s);
		if (err)
			return err;
		found |= defined_evidence(s);
		if (!elf_is_dynamic(img->elf) && !symbols_all(s, &v))
			found |= RUNTIME_UNPROVEN;
	}
	img->runtimes = found;
	img->runtime_known = true;
	*ret = found;
	return 0;
}

/* The loader tells debuggers its state in _r_debug (<link.h>, struct r_debug). */
static uint64_t loader_state(const struct image *img)
{
	uint64_t addr;

	return elf_symbol(img->elf, "_r_debug", &addr) ? 0 : addr + offsetof(struct r_debug, r_state);
}

/*
 * Rust mangles its runtime's names since 1.87: "_RNvCs<hash>_7___rustc<length>[_]<name>" (RFC 2603, crate `__rustc`). The name itself;
 * other names as they are.
 */
static const char *plain_name(const char *name)
{
	const char *at = strncmp(name, "_RNvC", 5) ? NULL : strstr(name, "_7___rustc");

	if (!at)
		return name;
	at += strlen("_7___rustc");
	at += strspn(at, "0123456789");
	return at + (*at == '_');
}

/* A program whose panics abort has no unwinder of its own to ask. */
static enum hook hook_of(const struct image *img, size_t row)
{
	bool aborts = hooks[row].hook == HOOK_PANIC && !elf_imports(img->elf, "_Unwind_RaiseException");
	uint64_t addr;

	return aborts && elf_symbol(img->elf, "_Unwind_RaiseException", &addr) ? HOOK_ABORT : hooks[row].hook;
}

/*
 * The call with which runtime.recovery() lets its goroutine go on; 0: there is none. At its entry the place is in a member of
 * struct g that each version of Go has elsewhere.
 */
static uint64_t resume_call(struct image *img, struct symbols *s, const struct symbol *recovery)
{
	uint64_t at = recovery->addr, end = symbols_extent(s, img->elf, recovery);
	const struct symbol *callee;
	const uint8_t *code;
	ZydisDecoder d;
	struct insn in;
	size_t len;

	if (elf_text(img->elf, at, &code, &len))
		return 0;
	end = MIN(end, at + len);
	insn_init(&d);
	for (; at < end && insn_decode(&d, code, end - at, at, &in); at += in.len, code += in.len) {
		if (in.flow != INSN_CALL || !(in.flags & INSN_DIRECT) || (in.flags & INSN_REFUSED))
			continue;
		callee = symbols_starting_at(s, in.target);
		if (callee && (!strcmp(callee->name, "runtime.gogo") || !strcmp(callee->name, "runtime.gogo.abi0")))
			return at;
	}
	return 0;
}

static struct hook_site site_of(struct image *img, struct symbols *s, const struct symbol *sym, size_t row)
{
	struct hook_site h = { .hook = hook_of(img, row), .addr = sym->addr, .name = hooks[row].name };
	uint64_t call = h.hook == HOOK_GO_RECOVER ? resume_call(img, s, sym) : 0;

	if (h.hook == HOOK_LIBRARY)
		h.state = loader_state(img);
	if (call) {
		h.hook = HOOK_GO_RESUME;
		h.addr = call;
	}
	return h;
}

int runtime_hooks(struct image *img, int rootfd, struct hook_site **ret, size_t *n)
{
	struct hook_site *v = NULL;
	const struct symbol *sym;
	struct symbols *s;
	size_t nsym, count = 0, cap = 0;
	int err;

	*ret = NULL;
	*n = 0;
	err = image_symbols(img, rootfd, &s);
	if (err)
		return err;
	nsym = symbols_all(s, &sym);
	for (size_t i = 0; i < nsym; i++) {
		const char *name = sym[i].name;

		if (!may_matter(name))
			continue;
		name = plain_name(name);
		for (size_t j = 0; j < ARRAY_SIZE(hooks); j++) {
			struct hook_site h;
			size_t k = 0;

			if (strcmp(name, hooks[j].name))
				continue;
			h = site_of(img, s, &sym[i], j);
			while (k < count && v[k].addr != h.addr)
				k++;
			if (k < count)
				break;
			err = util_grow(&v, count, &cap, sizeof(*v));
			if (err) {
				free(v);
				return err;
			}
			v[count++] = h;
		}
	}
	*ret = v;
	*n = count;
	return 0;
}

const char *runtime_forbids_hijack(const struct process *p, uint32_t runtimes)
{
	if (runtimes & RUNTIME_GO)
		return "Go moves its stacks";
	if (runtimes & RUNTIME_UNWINDER)
		return "an unwinder (exceptions, backtraces) may walk its stacks";
	if (runtimes & RUNTIME_FIBERS)
		return "it switches stacks";
	if (runtimes & RUNTIME_UNPROVEN)
		return "it is static and stripped, so that no unwinder can be ruled out";
	if (p->shadow_stack)
		return "a thread runs with a user shadow stack";
	if (p->seccomp_filter)
		return "it runs under seccomp, whose filter may kill a uretprobe";
	return NULL;
}

bool runtime_reads_return(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_return); i++)
		if (!strcmp(name, own_return[i]))
			return true;
	return false;
}
