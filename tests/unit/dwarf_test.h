/* SPDX-License-Identifier: MIT */
/* dwarf_test.h: a function of a file in build_dir as the text of its prototype. */
#ifndef TPD_DWARF_TEST_H
#define TPD_DWARF_TEST_H

#include "debug/dwarf.h"
#include "proto_print.h"
#include "target_build.h"

static inline struct dwarf_file *dwarf_open_built(const char *file, const char *debug,
						  const char *alt, int *err)
{
	int fd = open(build_path(file), O_RDONLY | O_CLOEXEC);
	int debug_fd = debug ? open(build_path(debug), O_RDONLY | O_CLOEXEC) : -1;
	int alt_fd = alt ? open(build_path(alt), O_RDONLY | O_CLOEXEC) : -1;
	struct dwarf_file *f = NULL;

	cr_assert(fd >= 0, "%s", file);
	*err = dwarf_file_open(&f, fd, debug_fd, alt_fd);
	close(fd);
	if (debug_fd >= 0)
		close(debug_fd);
	if (alt_fd >= 0)
		close(alt_fd);
	return f;
}

/* malloc'ed. */
static inline char *dwarf_text(struct dwarf_file *f, uint64_t addr, unsigned depth, bool places)
{
	struct proto *p = NULL;
	struct proto_view v;
	char *text = NULL;
	int err;

	err = dwarf_proto(f, addr, depth, &p);
	if (err) {
		cr_assert(asprintf(&text, "error %d", err) > 0);
		return text;
	}
	cr_assert_eq(proto_check(p, p->bytes, &v), 0);
	text = proto_print(&v, places);
	free(p);
	return text;
}

/* The first symbol (demangled) that begins with that, as a basic regular expression with parentheses taken literally. */
static inline uint64_t dwarf_address(const char *file, const char *symbol)
{
	char out[4096];

	build_run(out,
		  "nm -C --defined-only %s | grep -i ' [tw] .*%s' | grep -v '[.]cold' | head -n 1 "
		  "| cut -d ' ' -f 1",
		  file, symbol);
	cr_assert(out[0], "no symbol %s", symbol);
	return strtoull(out, NULL, 16);
}

static inline char *proto_of(const char *file, const char *symbol, unsigned depth, bool places)
{
	int err;
	struct dwarf_file *f = dwarf_open_built(file, NULL, NULL, &err);
	char *text = NULL;

	if (err)
		cr_assert(asprintf(&text, "no debug information: %d", err) > 0);
	else
		text = dwarf_text(f, dwarf_address(file, symbol), depth, places);
	dwarf_file_close(f);
	return text;
}

#endif
