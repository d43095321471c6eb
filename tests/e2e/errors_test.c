/* SPDX-License-Identifier: MIT */
/* errors_test.c: what cannot be done is said in plain words, with the right exit status, and harms nobody. */
#include <criterion/criterion.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "harness.h"

TestSuite(errors, .timeout = 300);

/* A process to point at, that waits for ever. */
static struct run victim;
static char victim_pid[16];

static void victim_start(const char *target)
{
	char path[512];
	const char *argv[] = { target_path(path, sizeof(path), target), "10", NULL };

	need_root();
	child_start(&victim.target, argv);
	cr_assert(child_lines(&victim, &victim.target, 1, DEADLINE_MS));
	snprintf(victim_pid, sizeof(victim_pid), "%d", victim.target.pid);
}

static void victim_end(void)
{
	child_answer(&victim.target);
	child_answer(&victim.target);
	cr_expect(child_exited(&victim, &victim.target, DEADLINE_MS));
	cr_expect(WIFEXITED(victim.target.status) && WEXITSTATUS(victim.target.status) == 7,
		  "the victim ended with %#x", victim.target.status);
	run_close(&victim);
}

/* tpd with these words ends with this status and says these words. */
static void expect_error(const char *const args[], int code, const char *says)
{
	AUTO_FREE char *err = NULL;
	int status = run_tpd(args, NULL, &err);
	char line[512] = "";

	for (size_t i = 0, n = 0; args[i] && n < sizeof(line) - 80; i++)
		n += (size_t)snprintf(line + n, sizeof(line) - n, " %.60s", args[i]);
	cr_expect(status >= 0 && WIFEXITED(status), "tpd%s: ended with %#x", line, status);
	cr_expect_eq(WEXITSTATUS(status), code, "tpd%s: status %d, not %d: %s", line,
		     WEXITSTATUS(status), code, err);
	cr_expect(*err, "tpd%s: says nothing", line);
	cr_expect(!says || strstr(err, says), "tpd%s: does not say '%s': %s", line, says, err);
	cr_expect_null(strstr(err, "Sanitizer"), "tpd%s: %s", line, err);
}

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

Test(errors, usage)
{
	victim_start("calls");
	expect_error(ARGS("--no-such-option"), 2, "no-such-option");
	expect_error(ARGS("-p", "x", "-f", "main"), 2, "x");
	expect_error(ARGS("-p", "-5", "-f", "main"), 2, NULL);
	expect_error(ARGS("-p", victim_pid), 2, "-f");
	expect_error(ARGS("-f", "main"), 2, NULL);
	expect_error(ARGS("-p", victim_pid, "-f", "main", "--sample", "2"), 2, "--sample");
	expect_error(ARGS("-p", victim_pid, "-f", "main", "--sample", "0"), 2, "--sample");
	expect_error(ARGS("-p", victim_pid, "-f", "main", "--duration", "5"), 2, "--duration");
	expect_error(ARGS("-p", victim_pid, "-f", "main", "--ring-size", "1"), 2, "--ring-size");
	expect_error(ARGS("-p", victim_pid, "-f", "main", "--returns", "maybe"), 2, "--returns");
	expect_error(ARGS("-p", victim_pid, "-f", ""), 2, NULL);
	expect_error(ARGS("-p", victim_pid, "-f", "[z-"), 2, NULL);
	expect_error(ARGS("-p", victim_pid, "-f", "calls:0xzz"), 2, NULL);
	victim_end();
}

Test(errors, nothing_to_trace)
{
	victim_start("calls");
	expect_error(ARGS("-p", "999999999", "-f", "main"), 3, "999999999");
	expect_error(ARGS("-p", "4194303", "-f", "main"), 3, "4194303");
	expect_error(ARGS("-p", victim_pid, "-f", "no_such_function_anywhere"), 3,
		     "no_such_function_anywhere");
	expect_error(ARGS("-p", victim_pid, "-f", "no_such_module:top"), 3, "no_such_module");
	expect_error(ARGS("--exe", "/bin/no-such-program", "-f", "main"), 3, "no-such-program");
	expect_error(ARGS("--comm", "no-such-name", "-f", "main"), 3, "no-such-name");
	victim_end();
}

/* The names that come nearest are named. */
Test(errors, nearest_names)
{
	victim_start("calls");
	expect_error(ARGS("-p", victim_pid, "-f", "calls:compar"), 3, "compare");
	expect_error(ARGS("-p", victim_pid, "-f", "calls:bridg"), 3, "bridge");
	victim_end();
}

/* A name that is right, of a function that is everywhere a part of its callers. */
Test(errors, inlined_everywhere)
{
	victim_start("calls");
	expect_error(ARGS("-p", victim_pid, "-f", "calls:folded"), 3,
		     "folded has no code of its own: it was inlined everywhere (");
	expect_error(ARGS("-p", victim_pid, "-f", "folded"), 3, "calls.c:27 in mid)");
	expect_error(ARGS("-p", victim_pid, "-f", "calls:folde"), 3, "no function matches 'calls:folde'");
	victim_end();
}

Test(errors, kernel_thread)
{
	need_root();
	if (access("/proc/2/comm", R_OK))
		cr_skip_test("no kernel threads are seen here");
	expect_error(ARGS("-p", "2", "-f", "main"), 3, NULL);
}

Test(errors, too_many)
{
	victim_start("calls");
	expect_error(ARGS("-p", victim_pid, "-f", "*", "--max-probes", "5"), 1, "--max-probes");
	victim_end();
}

Test(errors, unwritable_output)
{
	victim_start("calls");
	expect_error(ARGS("-p", victim_pid, "-f", "top", "-o", "/no/such/folder/x"), 1,
		     "/no/such/folder/x");
	expect_error(ARGS("-p", victim_pid, "-f", "top", "-o", "/"), 1, NULL);
	victim_end();
}

/* /dev/full: said once, counted as loss, and the target goes on. */
Test(errors, full_disk)
{
	AUTO_FREE char *err = NULL;
	const char *args[] = { "-p", victim_pid, "-f", "top", "-o", "/dev/full", "--duration", "300ms",
			       NULL };
	int status;

	victim_start("calls");
	status = run_tpd(args, NULL, &err);
	cr_expect(status >= 0 && WIFEXITED(status), "ended with %#x", status);
	cr_expect(strstr(err, "No space left"), "says: %s", err);
	victim_end();
}

static int run_as_nobody(const char *const words[], char **out)
{
	const char *argv[MAX_WORDS] = { "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups" };
	struct run r = { 0 };
	int n = 4, status = -1;

	for (int i = 0; words[i]; i++)
		argv[n++] = words[i];
	child_start(&r.tpd, argv);
	if (child_exited(&r, &r.tpd, DEADLINE_MS))
		status = r.tpd.status;
	*out = r.tpd.err.buf ? util_steal(&r.tpd.err.buf) : strdup("");
	run_close(&r);
	return status;
}

Test(errors, not_permitted)
{
	AUTO_FREE char *err = NULL;
	char copy[] = "/tmp/tpd-e2e-XXXXXX", cmd[1200];
	int fd, status;

	victim_start("calls");
	fd = mkstemp(copy); /* where nobody may read it */
	cr_assert_geq(fd, 0);
	close(fd);
	snprintf(cmd, sizeof(cmd), "cp -L %s %s && chmod 755 %s", tpd_path(), copy, copy);
	cr_assert_eq(system(cmd), 0);
	status = run_as_nobody((const char *const[]){ copy, "-p", victim_pid, "-f", "top", NULL }, &err);
	unlink(copy);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		cr_skip_test("there is no setpriv");
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 4, "status %#x: %s", status, err);
	cr_expect(*err, "says nothing");
	victim_end();
}

/* A program of 32 bits needs no 32-bit libraries if it has no library at all. */
Test(errors, program_of_32_bits)
{
	static const char source[] = "void _start(void) { for (;;) __asm__ volatile(\"mov $29, %eax\\n"
				     "int $0x80\"); }\nvoid work(void) {}\n";
	char exe[] = "/tmp/tpd-e2e-32-XXXXXX", cmd[512], pid[16];
	struct run r = { 0 };
	FILE *f;
	int fd;

	need_root();
	fd = mkstemp(exe);
	cr_assert_geq(fd, 0);
	close(fd);
	snprintf(cmd, sizeof(cmd), "gcc -m32 -nostdlib -static -fno-pie -no-pie -x c - -o %s 2>/dev/null",
		 exe);
	f = popen(cmd, "w");
	fputs(source, f);
	if (pclose(f)) {
		unlink(exe);
		cr_skip_test("gcc builds no programs of 32 bits here");
	}
	chmod(exe, 0755);
	child_start(&r.target, (const char *const[]){ exe, NULL });
	snprintf(pid, sizeof(pid), "%d", r.target.pid);
	expect_error(ARGS("-p", pid, "-f", "work"), 1, "32");
	cr_expect_eq(waitpid(r.target.pid, NULL, WNOHANG), 0, "it did not survive");
	run_close(&r);
	unlink(exe);
}

/* ---- hostile executables ---- */

struct mutation {
	const char *name;
	void (*apply)(uint8_t *elf, size_t *len);
};

static Elf64_Ehdr *ehdr(uint8_t *e)
{
	return (Elf64_Ehdr *)e;
}

static Elf64_Shdr *section(uint8_t *e, uint32_t type)
{
	Elf64_Shdr *s = (Elf64_Shdr *)(e + ehdr(e)->e_shoff);

	for (int i = 0; i < ehdr(e)->e_shnum; i++)
		if (s[i].sh_type == type)
			return &s[i];
	return s;
}

static void cut(uint8_t *e, size_t *len)
{
	*len = *len / 3;
}

static void tiny(uint8_t *e, size_t *len)
{
	*len = 70;
}

static void empty(uint8_t *e, size_t *len)
{
	*len = 0;
}

static void many_sections(uint8_t *e, size_t *len)
{
	ehdr(e)->e_shnum = 0;
	((Elf64_Shdr *)(e + ehdr(e)->e_shoff))->sh_size = 0xffffffffffull;
}

static void far_sections(uint8_t *e, size_t *len)
{
	ehdr(e)->e_shoff = 0xfffffffffffffff0ull;
}

static void huge_symbols(uint8_t *e, size_t *len)
{
	section(e, SHT_SYMTAB)->sh_size = 0x7ffffffffffffff0ull;
}

static void odd_symbols(uint8_t *e, size_t *len)
{
	section(e, SHT_SYMTAB)->sh_entsize = 1;
}

static void wild_strings(uint8_t *e, size_t *len)
{
	section(e, SHT_SYMTAB)->sh_link = 0xffff;
}

static void overlapping(uint8_t *e, size_t *len)
{
	Elf64_Phdr *p = (Elf64_Phdr *)(e + ehdr(e)->e_phoff);

	for (int i = 0; i < ehdr(e)->e_phnum; i++) {
		p[i].p_vaddr = 0x1000;
		p[i].p_memsz = p[i].p_filesz = 0xffffffffffff0000ull;
	}
}

static void wrapping(uint8_t *e, size_t *len)
{
	Elf64_Phdr *p = (Elf64_Phdr *)(e + ehdr(e)->e_phoff);

	for (int i = 0; i < ehdr(e)->e_phnum; i++)
		p[i].p_offset = 0xfffffffffffff000ull;
}

static void other_machine(uint8_t *e, size_t *len)
{
	ehdr(e)->e_machine = EM_AARCH64;
}

static void control_bytes(uint8_t *e, size_t *len)
{
	Elf64_Shdr *s = section(e, SHT_SYMTAB);
	Elf64_Shdr *str = (Elf64_Shdr *)(e + ehdr(e)->e_shoff) + s->sh_link;

	for (uint64_t i = 1; i + 1 < str->sh_size; i += 3)
		if (e[str->sh_offset + i])
			e[str->sh_offset + i] = i % 2 ? 0x1b : 0xff;
}

static const struct mutation mutations[] = {
	{ "cut", cut }, { "tiny", tiny }, { "empty", empty }, { "many sections", many_sections },
	{ "far sections", far_sections }, { "huge symbols", huge_symbols },
	{ "odd symbols", odd_symbols }, { "wild strings", wild_strings },
	{ "overlapping", overlapping }, { "wrapping", wrapping },
	{ "other machine", other_machine }, { "control bytes", control_bytes },
};

static size_t slurp(const char *path, uint8_t **ret)
{
	FILE *f = fopen(path, "re");
	struct stat st;

	cr_assert(f && !fstat(fileno(f), &st), "%s", path);
	*ret = malloc((size_t)st.st_size);
	cr_assert_eq(fread(*ret, 1, (size_t)st.st_size, f), (size_t)st.st_size);
	fclose(f);
	return (size_t)st.st_size;
}

/* A command whose file is hostile: refused, or run into the error that execve has; never a crash or an escape code. */
Test(errors, hostile_executables)
{
	char path[512], exe[] = "/tmp/tpd-e2e-elf-XXXXXX";
	int fd;

	need_root();
	fd = mkstemp(exe);
	cr_assert_geq(fd, 0);
	close(fd);
	target_path(path, sizeof(path), "calls");
	for (size_t i = 0; i < ARRAY_SIZE(mutations); i++) {
		const char *args[] = { "--exe", exe, "-f", "no_such_function", "--duration", "100ms",
				       NULL };
		AUTO_FREE uint8_t *elf = NULL;
		AUTO_FREE char *err = NULL;
		size_t len = slurp(path, &elf);
		FILE *f = fopen(exe, "we");
		int status;

		mutations[i].apply(elf, &len);
		cr_assert(f && fwrite(elf, 1, len, f) == len && !fclose(f));
		chmod(exe, 0755);
		status = run_tpd(args, NULL, &err);
		cr_expect(status >= 0 && WIFEXITED(status) && WEXITSTATUS(status), "%s: ended with %#x",
			  mutations[i].name, status);
		cr_expect(*err && !strchr(err, 0x1b), "%s: says '%s'", mutations[i].name, err);
		cr_expect_null(strstr(err, "Sanitizer"), "%s: %s", mutations[i].name, err);
	}
	unlink(exe);
}

/* Not enough memory for tpd: it fails with a sentence, not with a signal, and its target goes on. */
Test(errors, out_of_memory)
{
	static const char *const limits[] = { "--as=20000000", "--as=30000000", "--as=50000000" };

	victim_start("calls");
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		const char *argv[] = { "prlimit", limits[i], tpd_path(), "-p", victim_pid, "-f", "calls:*",
				       "--duration", "100ms", NULL };
		struct run r = { 0 };

		child_start(&r.tpd, argv);
		cr_assert(child_exited(&r, &r.tpd, DEADLINE_MS), "%s: hangs", limits[i]);
		cr_expect(WIFEXITED(r.tpd.status), "%s: ended with %#x", limits[i], r.tpd.status);
		run_close(&r);
		cr_expect(text_is_clean(victim.target.pid, 5000), "%s: text left changed", limits[i]);
	}
	victim_end();
}
