/* SPDX-License-Identifier: MIT */
/* libc_table_test.c: every row of the tables of well-known functions is a prototype, and what the system's headers say. */
#include "target_build.h"
#include <dlfcn.h>

#include "probe/library_table.h"
#include "probe/proto_text.h"

TestSuite(libc_table, .init = build_begin, .fini = build_end);

static const char headers_libc[] =
	"#define _GNU_SOURCE 1\n"
	"#include <features.h>\n"
	/* With _GNU_SOURCE addresses are a union of all kinds of struct sockaddr. */
	"#undef __USE_GNU\n"
	"#include <sys/socket.h>\n"
	"#define __USE_GNU 1\n"
	"#include <arpa/inet.h>\n#include <assert.h>\n#include <dirent.h>\n#include <dlfcn.h>\n#include <fcntl.h>\n"
	"#include <fnmatch.h>\n#include <grp.h>\n#include <iconv.h>\n#include <locale.h>\n#include <malloc.h>\n"
	"#include <net/if.h>\n#include <netdb.h>\n#include <poll.h>\n#include <pthread.h>\n#include <pwd.h>\n"
	"#include <regex.h>\n#include <sched.h>\n#include <semaphore.h>\n#include <signal.h>\n#include <spawn.h>\n"
	"#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <sys/epoll.h>\n#include <sys/eventfd.h>\n"
	"#include <sys/file.h>\n#include <sys/inotify.h>\n#include <sys/ioctl.h>\n#include <sys/mman.h>\n"
	"#include <sys/mount.h>\n#include <sys/prctl.h>\n#include <sys/random.h>\n#include <sys/resource.h>\n"
	"#include <sys/sendfile.h>\n#include <sys/signalfd.h>\n#include <sys/stat.h>\n#include <sys/statfs.h>\n"
	"#include <sys/statvfs.h>\n#include <sys/syscall.h>\n#include <sys/time.h>\n#include <sys/timerfd.h>\n"
	"#include <sys/uio.h>\n#include <sys/utsname.h>\n#include <sys/wait.h>\n#include <syslog.h>\n#include <time.h>\n"
	"#include <unistd.h>\n";

/* Not declared for programs, or (signal, accept4) in a way that a row cannot have. */
static const char *const undeclared[] = {
	"__printf_chk",	  "__fprintf_chk",   "__snprintf_chk", "__sprintf_chk",	 "__vfprintf_chk",
	"__vsnprintf_chk", "__read_chk",	     "__memcpy_chk",   "__strcpy_chk",	 "__strcat_chk",
	"__fgets_chk",	  "__open_2",	     "__open64_2",     "__cxa_atexit",	 "__stack_chk_fail",
	"signal",	  "accept4",
};

static bool is_undeclared(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(undeclared); i++)
		if (!strcmp(undeclared[i], name))
			return true;
	return false;
}

static void name_of(const char *row, char name[64])
{
	size_t n = strcspn(row, "(");

	cr_assert(n && n < 64, "%s", row);
	memcpy(name, row, n);
	name[n] = '\0';
}

static bool begins(const char *row, const char *s, const char *word)
{
	return !strncmp(s, word, strlen(word)) && (s == row || strchr("( ,", s[-1]));
}

/* A row's parameters or result in C; sets of names become set ("int", "unsigned"). */
static void to_c(const char *s, const char *end, const char *set, FILE *out)
{
	const char *row = s;

	while (s < end) {
		if (begins(row, s, "out ")) {
			s += 4;
		} else if (begins(row, s, "errno ")) {
			s += 6;
		} else if (begins(row, s, "flags ") || begins(row, s, "enum ")) {
			s += strcspn(s, " ") + 1;
			s = *s == '{' ? strchr(s, '}') + 1 : s + strcspn(s, " ,");
			fprintf(out, "%s", s <= end ? set : "int");
		} else if (*s == ':') {
			s += strcspn(s, ",)");
		} else {
			fputc(*s++, out);
		}
	}
}

static void assertion(const char *row, FILE *out)
{
	static const char *const sets[] = { "int", "unsigned" };
	const char *open = strchr(row, '('), *arrow = strstr(row, ") -> ");
	char name[64];

	name_of(row, name);
	if (is_undeclared(name))
		return;
	/* An enum of C is an int or an unsigned. */
	for (size_t i = 0; i < 4; i++) {
		fputs("typedef ", out);
		to_c(arrow + 5, row + strlen(row), sets[i & 1], out);
		fprintf(out, " t%zu_%s(", i, name);
		to_c(open + 1, arrow, sets[i >> 1], out);
		fputs(");\n", out);
	}
	fputs("_Static_assert(0", out);
	for (size_t i = 0; i < 4; i++)
		fprintf(out, " || __builtin_types_compatible_p(__typeof__(%s), t%zu_%s)", name, i, name);
	fprintf(out, ", \"%s\");\n", name);
}

/* Compiles what the rows say against the headers; the compiler's complaints are the message. */
static void check_headers(const char *headers, const struct library *l)
{
	char path[128], wrong[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/rows.c", build_dir);
	f = fopen(path, "w");
	cr_assert_not_null(f);
	/* Names of parameters that some headers have as macros. */
	fprintf(f, "%s#undef unix\n#undef linux\n", headers);
	for (size_t i = 0; i < l->n; i++)
		assertion(l->rows[i], f);
	fclose(f);
	if (build_run(wrong, "gcc -std=gnu11 -fsyntax-only -I/usr/include/$(ls /usr/include | grep -x 'python3[.0-9]*' | tail -n 1)"
			     " rows.c 2>rows.log")) {
		build_run(wrong, "grep error: rows.log | tr '\\n' ' ' | head -c 3000");
		cr_expect(false, "%s", wrong);
	}
}

static const struct {
	const char *header, *headers;
	size_t library;
} others[] = {
	{ "zlib.h", "#include <zlib.h>\n", 0 },
	{ "sqlite3.h", "#include <sqlite3.h>\n", 1 },
	{ "openssl/ssl.h", "#include <openssl/ssl.h>\n#include <openssl/err.h>\n#include <openssl/rand.h>\n", 2 },
	{ "python3*/Python.h", "#include <Python.h>\n", 3 },
};

Test(libc_table, agrees_with_the_headers)
{
	build_need("gcc");
	check_headers(headers_libc, &library_libc);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (!build_run(NULL, "ls /usr/include/%s >/dev/null", others[i].header))
			check_headers(others[i].headers, &libraries[others[i].library]);
}

/* The check above notices a wrong row. */
Test(libc_table, the_check_can_fail)
{
	static const char *const wrong[] = {
		"read(int fd, void *buf, int count) -> errno ssize_t",
		"lseek(int fd, off_t offset, enum whence whence) -> int",
		"strlen(char *s) -> size_t",
		"open(const char *path, flags open flags) -> errno int",
	};

	build_need("gcc");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		char path[128];
		FILE *f;

		snprintf(path, sizeof(path), "%s/rows.c", build_dir);
		f = fopen(path, "w");
		cr_assert_not_null(f);
		fputs(headers_libc, f);
		assertion(wrong[i], f);
		fclose(f);
		cr_expect_neq(build_run(NULL, "gcc -std=gnu11 -fsyntax-only rows.c 2>rows.log"), 0, "%s", wrong[i]);
		cr_expect_eq(build_run(NULL, "grep -q 'static assertion failed' rows.log"), 0, "%s", wrong[i]);
	}
}

static void check_rows(const struct library *l, const char *module)
{
	for (size_t i = 0; i < l->n; i++) {
		char why[PROTO_TEXT_WHY] = "", name[64];
		struct proto_view v;
		struct proto *p = NULL;
		const char *proto;
		char *pattern = NULL;

		name_of(l->rows[i], name);
		cr_assert_eq(proto_text_parse(l->rows[i], &p, why), 0, "%s: %s", l->rows[i], why);
		cr_assert_eq(proto_check(p, p->bytes, &v), 0, "%s", l->rows[i]);
		cr_expect_str_eq(v.strings + p->name, name);
		cr_expect_eq(libc_prototype(module, name), l->rows[i], "%s twice", name);
		cr_assert_eq(proto_text_split(l->rows[i], &pattern, &proto), 0);
		cr_expect_str_eq(pattern, name);
		cr_expect_eq(proto, l->rows[i]);
		free(pattern);
		free(p);
	}
}

Test(libc_table, every_row_is_a_prototype)
{
	static const char *const modules[] = { "/usr/lib/x86_64-linux-gnu/libz.so.1.2.13", "libsqlite3.so.0",
					       "/lib/libssl.so.3", "/usr/bin/python3.11" };

	cr_expect_geq(library_libc.n, 250);
	check_rows(&library_libc, "/usr/lib/x86_64-linux-gnu/libc.so.6");
	cr_assert_eq(libraries_count, ARRAY_SIZE(modules));
	for (size_t i = 0; i < libraries_count; i++)
		check_rows(&libraries[i], modules[i]);
}

/* Of each row there is such a function in the C library of this machine. */
Test(libc_table, every_function_exists)
{
	void *libc = dlopen("libc.so.6", RTLD_NOW);

	cr_assert_not_null(libc);
	for (size_t i = 0; i < library_libc.n; i++) {
		char name[64];

		name_of(library_libc.rows[i], name);
		cr_expect_not_null(dlsym(libc, name), "%s", name);
	}
	dlclose(libc);
}

/* Not the same code, but the same parameters and result: other conversions of %a, other checks of the same arguments. */
static bool known_twin(const char *name)
{
	static const char *const twins[] = { "__isoc99_fscanf", "__isoc99_scanf",   "__isoc99_sscanf", "__isoc23_fscanf",
					     "__isoc23_scanf",	"__isoc23_sscanf",   "__isoc23_strtol", "__isoc23_strtoul",
					     "__isoc23_strtoll", "__isoc23_strtoull", "__libc_sigaction",
					     "freopen64",	"posix_fallocate64" };

	for (size_t i = 0; i < ARRAY_SIZE(twins); i++)
		if (!strcmp(twins[i], name))
			return true;
	return false;
}

Test(libc_table, other_names_are_the_same_function)
{
	void *libc = dlopen("libc.so.6", RTLD_NOW);
	FILE *names;
	char name[128], row_name[64], path[128];
	unsigned aliases = 0;

	build_need("nm");
	cr_assert_not_null(libc);
	build("nm -D --defined-only $(ldconfig -p 2>/dev/null | sed -n 's,.*libc.so.6 (libc6.x86-64.*=> ,,p' | head -n 1 || "
	      "echo /lib/x86_64-linux-gnu/libc.so.6) | sed -n 's/.* [TWi] \\([^@]*\\)@.*/\\1/p' > names");
	snprintf(path, sizeof(path), "%s/names", build_dir);
	names = fopen(path, "r");
	cr_assert_not_null(names);
	while (fscanf(names, "%127s", name) == 1) {
		const char *row = libc_prototype("libc.so.6", name);

		if (!row)
			continue;
		name_of(row, row_name);
		if (!strcmp(row_name, name))
			continue;
		/* Not what only old programs link to: dlsym finds the current versions. */
		if (!dlsym(libc, name))
			continue;
		aliases++;
		cr_expect(dlsym(libc, name) == dlsym(libc, row_name) || known_twin(name), "%s is not %s", name, row_name);
	}
	fclose(names);
	cr_expect_gt(aliases, 100);
	dlclose(libc);
}

Test(libc_table, modules_are_told_by_their_names)
{
	static const struct {
		const char *module, *function, *row;
	} cases[] = {
		{ "/lib/x86_64-linux-gnu/libc.so.6", "open64", "open(" },
		{ "/proc/1/root/lib/libc-2.31.so", "__libc_malloc", "malloc(" },
		{ "libc.so.6", "__write", "write(" },
		{ "libc.so.6", "read@@GLIBC_2.2.5", "read(" },
		{ "/lib/ld-musl-x86_64.so.1", "malloc", "malloc(" },
		{ "libpthread-2.31.so", "pthread_create", "pthread_create(" },
		{ "/usr/lib/libpython3.11.so.1.0", "PyObject_GetAttr", "PyObject_GetAttr(" },
		{ "libcrypto.so.3", "RAND_bytes", "RAND_bytes(" },
		{ "libc.so.6", "strtof64", NULL },
		{ "libc.so.6", "_IO_getline", NULL },
		{ "libc.so.6", "sqlite3_open", NULL },
		{ "libcurl.so.4", "open", NULL },
		{ "/opt/libc.so.6/app", "open", NULL },
		{ "libc.so.6", "ope", NULL },
		{ "libc.so.6", "", NULL },
		{ "", "open", NULL },
		{ "libc.so.6", "__", NULL },
		{ "libc.so.6", "64", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *row = libc_prototype(cases[i].module, cases[i].function);

		if (!cases[i].row)
			cr_expect_null(row, "%s %s", cases[i].module, cases[i].function);
		else
			cr_expect(row && !strncmp(row, cases[i].row, strlen(cases[i].row)), "%s %s", cases[i].module,
				  cases[i].function);
	}
}
