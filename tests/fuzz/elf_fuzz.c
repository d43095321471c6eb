/* SPDX-License-Identifier: MIT */
/*
 * elf_fuzz.c: arbitrary bytes as a module: opened, its symbols read, matched and asked about, its
 * text looked at.
 */
#include <sys/mman.h>

#include "target/symbols.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int seen(void *arg, const struct symbol *sym, const char *pretty)
{
	volatile size_t *sum = arg;

	*sum += strlen(sym->name) + (pretty ? strlen(pretty) : 0);
	return 0;
}

static void ask(struct symbols *s, const struct elf *e)
{
	const struct symbol *all;
	size_t n = symbols_all(s, &all), i, len, sum = 0;
	const uint8_t *text;
	uint64_t v;

	for (i = 0; i < n; i += n / 64 + 1) {
		uint64_t end = symbols_extent(s, e, &all[i]);

		if (end < all[i].addr)
			abort();
		symbols_at(s, all[i].addr);
		symbols_after(s, all[i].addr);
		symbols_cold(s, &all[i]);
		if (symbols_starting_at(s, all[i].addr)->addr != all[i].addr)
			abort();
		if (elf_addr_to_offset(e, all[i].addr, &v))
			abort();
		if (!elf_text(e, all[i].addr, &text, &len))
			sum += text[0] + text[len - 1];
	}
	seen(&sum, &(struct symbol){ .name = "" }, NULL);
}

static void match(struct symbols *s)
{
	static const char *const pattern[] = { "main", "f*", "ns::f", "*::*(*)", "m:0x1000" };
	size_t i, sum = 0;

	for (i = 0; i < ARRAY_SIZE(pattern); i++) {
		const char *why, *near[4];
		struct pattern p;

		if (pattern_parse(&p, pattern[i], &why))
			abort();
		symbols_match(s, &p, seen, &sum);
		pattern_free(&p);
		symbols_nearest(s, pattern[i], near, ARRAY_SIZE(near));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("elf-fuzz", MFD_CLOEXEC);
	struct symbols *s;
	struct elf *e;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	if (elf_open(&e, fd))
		return 0;
	elf_needs(e, "libstdc++");
	elf_imports(e, "swapcontext");
	if (!symbols_load(&s, e, -1, "/bin/x")) {
		ask(s, e);
		match(s);
		symbols_free(s);
	}
	elf_close(e);
	return 0;
}
