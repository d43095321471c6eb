/* SPDX-License-Identifier: MIT */
/* lines.c: address to source line, by libdw, from the module's own .debug_line. */
#include <elfutils/libdw.h>

#include "target/lines.h"

static Dwarf_Die *find_unit(Dwarf *dw, Dwarf_Addr addr, Dwarf_Die *mem)
{
	Dwarf_Off off = 0, next;
	size_t header;

	if (dwarf_addrdie(dw, addr, mem))
		return mem;
	/* No .debug_aranges (clang): ask every unit. */
	while (!dwarf_nextcu(dw, off, &next, &header, NULL, NULL, NULL)) {
		if (dwarf_offdie(dw, off + header, mem) && dwarf_haspc(mem, addr) > 0)
			return mem;
		off = next;
	}
	return NULL;
}

char *lines_find(const struct elf *e, uint64_t addr)
{
	Dwarf *dw;
	Dwarf_Die mem, *unit;
	Dwarf_Line *line;
	const char *file = NULL;
	char *ret = NULL;
	int number = 0;

	if (!elf_section(e, ".debug_line"))
		return NULL;
	dw = dwarf_begin(elf_fd(e), DWARF_C_READ);
	if (!dw)
		return NULL;
	unit = find_unit(dw, addr, &mem);
	line = unit ? dwarf_getsrc_die(unit, addr) : NULL;
	if (line)
		file = dwarf_linesrc(line, NULL, NULL);
	if (file && !dwarf_lineno(line, &number) && asprintf(&ret, "%s:%d", file, number) < 0)
		ret = NULL;
	dwarf_end(dw);
	return ret;
}
