/* SPDX-License-Identifier: MIT */
/*
 * target_build.h: builds small programs for the tests of the target layer, in a directory that goes
 * away with the test. A test whose compiler is missing is skipped with that reason.
 */
#ifndef TPD_TARGET_BUILD_H
#define TPD_TARGET_BUILD_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/wait.h>

#include "target/elf.h"

static char build_dir[64];

static inline void build_begin(void)
{
	strcpy(build_dir, "/tmp/tpd-test-XXXXXX");
	cr_assert_not_null(mkdtemp(build_dir));
}

/* Runs a shell command inside of build_dir; its output, without the newline, if asked for. */
PRINTF(2, 3) static inline int build_run(char *out, const char *fmt, ...)
{
	char cmd[4096], line[4096];
	size_t n, used;
	va_list ap;
	FILE *f;

	used = (size_t)snprintf(cmd, sizeof(cmd), "cd %s && { ", build_dir);
	va_start(ap, fmt);
	used += (size_t)vsnprintf(cmd + used, sizeof(cmd) - used, fmt, ap);
	va_end(ap);
	cr_assert(used + 16 < sizeof(cmd));
	strcat(cmd, "\n} 2>log");
	fflush(stdout);
	f = popen(cmd, "r");
	cr_assert_not_null(f);
	n = fread(line, 1, sizeof(line) - 1, f);
	line[n] = 0;
	line[strcspn(line, "\n")] = 0;
	if (out)
		strcpy(out, line);
	return pclose(f);
}

#define build(...) cr_assert_eq(build_run(NULL, __VA_ARGS__), 0, __VA_ARGS__)

static inline void build_end(void)
{
	if (build_dir[0])
		build_run(NULL, "rm -rf %s", build_dir);
}

#define build_need(tool)                                               \
	do {                                                           \
		if (build_run(NULL, "command -v %s >/dev/null", tool)) \
			cr_skip_test("%s is not installed", tool);     \
	} while (0)

static inline void build_write(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", build_dir, name);
	f = fopen(path, "w");
	cr_assert_not_null(f);
	cr_assert_eq(fputs(text, f) < 0, 0);
	cr_assert_eq(fclose(f), 0);
}

static inline const char *build_path(const char *name)
{
	static char path[2][128];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", build_dir, name);
	return path[turn];
}

static inline struct elf *build_open(const char *name)
{
	int fd = open(build_path(name), O_RDONLY | O_CLOEXEC), err;
	struct elf *e = NULL;

	cr_assert(fd >= 0, "%s", name);
	err = elf_open(&e, fd);
	cr_assert_eq(err, 0, "%s: %d", name, err);
	return e;
}

#endif
