/* SPDX-License-Identifier: MIT */
/*
 * dwarf_fuzz.c: arbitrary bytes as a file with debug information: each function in its table, and some addresses besides;
 * and what has no code.
 */
#include <gelf.h>
#include <sys/mman.h>

#include "debug/dwarf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(struct dwarf_file *f, uint64_t addr)
{
	struct proto *p = NULL;
	struct proto_view v;
	Dwarf_Die die;

	if (!dwarf_proto(f, addr, 3, &p) && proto_check(p, p->bytes, &v))
		abort();
	free(p);
	dwarf_file_function(f, addr, &die);
	dwarf_file_unit(f, addr, &die);
}

/* Where the units say that they have code. */
static void ask_all(struct dwarf_file *f)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die unit, die;
	Dwarf_Addr addr;
	uint8_t type;
	int n = 0, units = 0;

	while (units++ < 8 &&
	       !dwarf_get_units(dwarf_file_dwarf(f), cu, &cu, NULL, &type, &unit, NULL)) {
		if (dwarf_child(&unit, &die))
			continue;
		do
			if (!dwarf_entrypc(&die, &addr) && n++ < 32)
				ask(f, addr);
		while (n < 32 && !dwarf_siblingof(&die, &die));
	}
}

static int see(void *arg, const struct debug_inlined *f)
{
	return f->name[0] || f->line ? 0 : -ENOENT;
}

static void ask_inlined(struct dwarf_file *f, const char *text)
{
	struct pattern p;
	const char *why;
	unsigned flags;

	if (pattern_parse(&p, text, &why))
		abort();
	dwarf_inlined(f, &p, DEBUG_INLINED_MAX, 1000000000, &flags, see, NULL);
	pattern_free(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("dwarf-fuzz", MFD_CLOEXEC);
	struct dwarf_file *f;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	if (!dwarf_file_open(&f, fd, -1, fd)) {
		ask_all(f);
		ask(f, 0x1149);
		ask_inlined(f, "*");
		ask_inlined(f, "ns::f(int)");
		dwarf_file_close(f);
	}
	close(fd);
	return 0;
}
