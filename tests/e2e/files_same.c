/* SPDX-License-Identifier: MIT */
/* files_same.c: file records against the truth, thread by thread; see files.h. */
#include <criterion/criterion.h>
#include "base/utf8.h"
#include "carried.h"
#include "files.h"

#define SAID 12 /* differences in the log */

/* clang-format off */
/* op: what records call it; shown: 0 always, 1 with --stat or --op, 2 with --op, 3 with --all-fds. */
static const struct {
	const char *call, *op;
	int shown;
} ops[] = {
	{ "openat", "open", 0 }, { "openat2", "open", 0 }, { "creat", "open", 0 }, { "readv", "read", 0 }, { "pread64", "read", 0 },
	{ "preadv", "read", 0 }, { "preadv2", "read", 0 }, { "writev", "write", 0 }, { "pwrite64", "write", 0 },
	{ "pwritev", "write", 0 }, { "pwritev2", "write", 0 }, { "close_range", "close", 0 }, { "ftruncate", "truncate", 0 },
	{ "renameat", "rename", 0 }, { "renameat2", "rename", 0 }, { "unlinkat", "unlink", 0 }, { "linkat", "link", 0 },
	{ "symlinkat", "symlink", 0 }, { "mkdirat", "mkdir", 0 }, { "fchmod", "chmod", 0 }, { "fchmodat", "chmod", 0 },
	{ "lchown", "chown", 0 }, { "fchown", "chown", 0 }, { "fchownat", "chown", 0 }, { "dup2", "dup", 0 }, { "dup3", "dup", 0 },
	{ "fcntl", "dup", 0 }, { "stat", "stat", 1 }, { "lstat", "stat", 1 }, { "fstat", "stat", 1 }, { "newfstatat", "stat", 1 },
	{ "statx", "stat", 1 }, { "access", "access", 1 }, { "faccessat", "access", 1 }, { "faccessat2", "access", 1 },
	{ "readlink", "readlink", 1 }, { "readlinkat", "readlink", 1 }, { "chdir", "chdir", 2 }, { "fchdir", "chdir", 2 },
	{ "pipe2", "pipe", 3 }, { "pipe", "pipe", 3 }, { "socketpair", "socketpair", 3 },
};
/* clang-format on */

static int op_row(const char *call)
{
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		if (!strcmp(ops[i].call, call))
			return (int)i;
	return -1;
}

const char *files_op(const char *call)
{
	int i = op_row(call);

	return i < 0 ? call : ops[i].op;
}

bool files_op_hidden(const char *call)
{
	int i = op_row(call);

	return i >= 0 && (ops[i].shown == 1 || ops[i].shown == 2);
}

static const char *text(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static bool is_other(const char *kind)
{
	return !strcmp(kind, "pipe") || !strcmp(kind, "socket") || !strcmp(kind, "memfd");
}

/* About nothing but pipes, sockets and memory. */
bool files_only_others(json_t *want)
{
	int i = op_row(text(want, "op"));

	if (i >= 0 && ops[i].shown == 3)
		return true;
	if (json_object_get(want, "in")) {
		const char *in = text(want, "in_path_kind"), *out = text(want, "out_path_kind");

		return (is_other(in) && (!*out || is_other(out))) || (!*in && is_other(out));
	}
	return !strcmp(text(want, "op"), "memfd_create") || is_other(text(want, "path_kind"));
}

/* ---- one record ---- */

/* The truth's bytes, U+0000 to U+00FF each, as the stream shows them: what is no UTF-8 as U+FFFD, byte by byte. */
static void as_streamed(const char *latin, char *to, size_t size)
{
	static unsigned char bytes[16384];
	const unsigned char *s = (const unsigned char *)latin;
	size_t n = 0, len, at = 0;

	for (; *s && n < sizeof(bytes); s++) {
		if (*s >= 0xc2 && s[1]) {
			bytes[n++] = (unsigned char)((*s & 3) << 6 | (s[1] & 63));
			s++;
		} else {
			bytes[n++] = *s;
		}
	}
	for (size_t i = 0; i < n && at + 5 < size; i += len) {
		len = utf8_length(bytes + i, n - i);
		if (len)
			memcpy(to + at, bytes + i, len);
		else
			memcpy(to + at, "\xef\xbf\xbd", 3);
		at += len ? len : 3;
		len = len ? len : 1;
	}
	to[at] = 0;
}

static bool is_path(const char *kind, const char *want, const char *got)
{
	static char shown[65536];
	char *number;

	as_streamed(want, shown, sizeof(shown));
	if (!strcmp(kind, "memfd"))
		return strstr(got, "memfd:") && strstr(got, strchr(shown, ':') + 1);
	if (strcmp(kind, "tmpfile"))
		return !strcmp(shown, got);
	number = strrchr(shown, '#');
	if (number) /* the name is the kernel's secret; or the directory's path alone */
		number[-1] = 0;
	return number && !strncmp(shown, got, strlen(shown));
}

/* Of two long paths the kernel side has room for one and most of the other, and says so. */
static bool is_cut(json_t *got, const char *want, const char *told)
{
	static char shown[65536];
	size_t n = strlen(told);

	as_streamed(want, shown, sizeof(shown));
	return json_is_true(json_object_get(got, "truncated")) && n > 2900 && n < strlen(shown) &&
	       !strncmp(shown, told, n);
}

/* Nor is there room for what the kernel itself refuses, or for two of nearly the largest. */
static bool is_large(json_t *want, const char *truth)
{
	const char *other = !strcmp(truth, "path2") ? "path" : NULL;

	if (strlen(text(want, truth)) < 3600)
		return false;
	return other ? strlen(text(want, other)) > 3600 : !strcmp(text(want, "error"), "ENAMETOOLONG");
}

static bool path_same(json_t *want, json_t *got, const char *truth, const char *key, struct tally *t, char *why,
		      size_t size)
{
	char kind_key[32], via_key[32], was_key[32];
	const char *w = json_string_value(json_object_get(want, truth)), *kind;
	json_t *g = json_object_get(got, key);

	snprintf(kind_key, sizeof(kind_key), "%s_kind", truth);
	snprintf(via_key, sizeof(via_key), "%s_via", truth);
	snprintf(was_key, sizeof(was_key), "%s_was", truth);
	kind = text(want, kind_key);
	if (!strcmp(kind, "pipe") || !strcmp(kind, "socket"))
		w = kind;
	if (!w) { /* nobody can know: anything but a whole path */
		snprintf(why, size, "%s: %.300s, but there is none", key, json_shown(g));
		return !json_is_string(g) || *json_string_value(g) != '/';
	}
	if (json_object_get(g, "unavailable") || (!g && (t->lossy || json_object_get(want, "passed")))) {
		t->unknown++;
		snprintf(why, size, "%s: %s instead of %.300s", key, json_shown(g), w);
		return t->lossy || json_object_get(want, "passed") || json_object_get(want, "passed") ||
		       is_large(want, truth);
	}
	snprintf(why, size, "%s: %.1000s instead of %.1000s", key, json_shown(g), w);
	if (!json_is_string(g))
		return false;
	if (w == kind)
		return !strncmp(json_string_value(g), kind, strlen(kind));
	if (is_path(kind, w, json_string_value(g)))
		return true;
	/* The link may lead elsewhere when tpd gets to look where it leads. */
	if (*text(want, via_key) && is_path("", text(want, via_key), json_string_value(g))) {
		t->via++;
		return true;
	}
	if (*text(want, was_key) && is_path(kind, text(want, was_key), json_string_value(g)))
		return true;
	if (is_cut(got, w, json_string_value(g))) {
		t->cut++;
		return true;
	}
	return *text(want, "real") && !strcmp(key, "path") && is_path("", text(want, "real"), json_string_value(g));
}

static bool has_word(const char *words, const char *word, size_t n)
{
	for (; *words; words += strcspn(words, "|"), words += *words == '|')
		if (strcspn(words, "|") == n && !strncmp(words, word, n))
			return true;
	return false;
}

/* In any order; O_LARGEFILE is the C library's business. */
static bool flags_same(const char *want, const char *got)
{
	for (const char *p = want; *p; p += strcspn(p, "|"), p += *p == '|')
		if (!has_word(got, p, strcspn(p, "|")))
			return false;
	for (const char *p = got; *p; p += strcspn(p, "|"), p += *p == '|')
		if (!has_word(want, p, strcspn(p, "|")))
			return false;
	return true;
}

static bool number_same(json_t *want, json_t *got, const char *truth, const char *key, char *why, size_t size)
{
	json_t *w = json_object_get(want, truth), *g = json_object_get(got, key);

	snprintf(why, size, "%s: %s instead of %s", key, json_shown(g), json_shown(w));
	if (json_is_string(g) && !strcmp(key, "mode"))
		return json_integer_value(w) == strtol(json_string_value(g), NULL, 8);
	return json_is_integer(w) ? json_is_integer(g) && json_integer_value(w) == json_integer_value(g)
				  : !json_is_integer(g);
}

/* Where a transfer begins is told only if that is sure, but then it is right. */
static bool offset_same(json_t *want, json_t *got, struct tally *t, char *why, size_t size)
{
	static const char *const given[] = { "pread64", "preadv",    "pwrite64",       "pwritev",
					     "mmap",	"fallocate", "sync_file_range" };
	json_t *w = json_object_get(want, "offset"), *g = json_object_get(got, "offset");
	const char *op = text(want, "op");

	if (!w)
		return true;
	snprintf(why, size, "offset: %s instead of %s", json_shown(g), json_shown(w));
	if (json_is_integer(g))
		return json_integer_value(g) == json_integer_value(w);
	for (size_t i = 0; i < ARRAY_SIZE(given); i++)
		if (!strcmp(op, given[i]))
			return json_integer_value(w) < 0;
	t->nowhere++;
	return true;
}

static bool fields_same(json_t *want, json_t *got, struct tally *t, char *why, size_t size)
{
	static const char *const numbers[] = { "mode", "length", "uid", "gid" };
	bool copy = json_object_get(want, "in");
	const char *op = text(want, "op"), *flags = json_string_value(json_object_get(want, "flags"));

	snprintf(why, size, "syscall: %s instead of %s", text(got, "syscall"), op);
	if (strcmp(*text(got, "syscall") ? text(got, "syscall") : text(got, "op"), op))
		return false;
	snprintf(why, size, "error: %s instead of %s", text(got, "error"), text(want, "error"));
	if (strcmp(text(want, "error"), text(got, "error")))
		return false;
	if (!number_same(want, got, "bytes", "bytes", why, size) && strcmp(op, "mmap"))
		return false;
	if (!(json_object_get(want, "empty") && (t->lossy || json_object_get(want, "error"))) &&
	    !number_same(want, got, copy ? "in" : "fd", "fd", why, size))
		return false;
	if (json_object_get(want, copy ? "out" : "fd2") &&
	    !number_same(want, got, copy ? "out" : "fd2", "fd2", why, size))
		return false;
	if (strcmp(op, "pipe2") && strcmp(op, "socketpair") && strcmp(op, "memfd_create") && strcmp(op, "msync") &&
	    !path_same(want, got, copy ? "in_path" : "path", "path", t, why, size))
		return false;
	if ((copy || json_object_get(want, "path2")) &&
	    !path_same(want, got, copy ? "out_path" : "path2", "path2", t, why, size))
		return false;
	if (!offset_same(want, got, t, why, size))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (!(copy && !strcmp(numbers[i], "length")) &&
		    !number_same(want, got, numbers[i], numbers[i], why, size))
			return false;
	snprintf(why, size, "no ts, duration or comm");
	if (!*text(got, "ts") || !*text(got, "comm") || json_integer_value(json_object_get(got, "duration_ns")) <= 0)
		return false;
	snprintf(why, size, "flags: %s instead of %s", text(got, "flags"), flags ? flags : "");
	if (flags && strcmp(op, "creat") && !json_object_get(want, "flags_left") &&
	    !flags_same(flags, text(got, "flags")))
		return false;
	snprintf(why, size, "deleted: %s", json_shown(json_object_get(got, "deleted")));
	return t->lossy || json_object_get(want, "passed") ||
	       json_is_true(json_object_get(got, "deleted")) == json_is_true(json_object_get(want, "deleted")) ||
	       copy || *text(want, "path_via") || !strcmp(text(want, "path_kind"), "memfd") ||
	       !strcmp(text(want, "path_kind"), "tmpfile");
}

/* ---- threads ---- */

/* What the target does to be able to work: its model, the talk with the harness, its libc after an exec. */
static bool is_talk(json_t *got)
{
	json_int_t fd = json_integer_value(json_object_get(got, "fd"));

	if (!strcmp(text(got, "op"), "readlink") && !strcmp(text(got, "path"), "/proc/self/exe"))
		return true;

	return json_object_get(got, "fd") && (fd == 0 || fd == 1 || fd == 2 || fd == 900);
}

/* Lists by thread: {"TID":[...]}; a thread's number may come again in another process, so both count. */
static json_t *by_thread(json_t *all, bool (*keep)(json_t *o, void *arg), void *arg)
{
	json_t *ret = json_object(), *o, *list;
	char key[32];
	size_t i;

	json_array_foreach(all, i, o)
	{
		if (keep && !keep(o, arg))
			continue;
		snprintf(key, sizeof(key), "%d/%d", (int)json_integer_value(json_object_get(o, "pid")),
			 (int)json_integer_value(json_object_get(o, "tid")));
		list = json_object_get(ret, key);
		if (!list)
			json_object_set_new(ret, key, list = json_array());
		json_array_append(list, o);
	}
	return ret;
}

static bool keep_files(json_t *o, void *arg)
{
	return !strcmp(text(o, "type"), "file") && !is_talk(o);
}

static bool could_be(json_t *want, json_t *got)
{
	json_t *fd = json_object_get(want, json_object_get(want, "in") ? "in" : "fd");

	return !strcmp(files_op(text(want, "op")), text(got, "op")) &&
	       !strcmp(text(want, "error"), text(got, "error")) &&
	       (json_object_get(want, "empty") ||
		json_integer_value(fd) == json_integer_value(json_object_get(got, "fd")));
}

/* Names of hundreds of the same letter are not for people. */
static const char *squeezed(const char *s, char *to, size_t size)
{
	size_t n = 0;

	while (*s && n + 16 < size) {
		size_t run = 1;

		while (s[run] == *s)
			run++;
		n += run > 8 ? (size_t)snprintf(to + n, size - n, "%c{%zu}", *s, run) : (to[n] = *s, 1);
		s += run > 8 ? run : 1;
	}
	to[n] = 0;
	return to;
}

static void say(const struct filed *f, struct tally *t, const char *what, json_t *want, json_t *got, const char *why)
{
	AUTO_FREE char *w = want ? json_dumps(want, JSON_COMPACT) : NULL,
		       *g = got ? json_dumps(got, JSON_COMPACT) : NULL;
	static char text[3][4096];

	if (t->said++ < SAID)
		fprintf(stderr, "%s: %s: %s\n  truth %s\n  told  %s\n", f->label, what,
			    squeezed(why ? why : "", text[0], sizeof(text[0])),
			    squeezed(w ? w : "nothing", text[1], sizeof(text[1])),
			    squeezed(g ? g : "nothing", text[2], sizeof(text[2])));
}

/* After a difference: how many of the one or the other list must be passed over until three in a row fit again. */
static void resync(json_t *want, size_t *i, json_t *got, size_t *k, struct tally *t)
{
	for (size_t sum = 1; sum < 800; sum++) {
		for (size_t a = 0; a <= sum; a++) {
			size_t b = sum - a, fit = 0;

			while (fit < 3 &&
			       could_be(json_array_get(want, *i + a + fit), json_array_get(got, *k + b + fit)))
				fit++;
			if (fit < 3 && *i + a + fit < json_array_size(want))
				continue;
			t->missing += a;
			t->extra += b;
			*i += a;
			*k += b;
			return;
		}
	}
	t->missing += json_array_size(want) - *i;
	t->extra += json_array_size(got) - *k;
	*i = json_array_size(want);
	*k = json_array_size(got);
}

static void compare_thread(const struct filed *f, json_t *want, json_t *got, struct tally *t)
{
	size_t i = 0, k = 0;
	char why[3000];

	while (i < json_array_size(want)) {
		json_t *w = json_array_get(want, i), *g = json_array_get(got, k);

		if (!g) {
			say(f, t, "missing at the end", w, NULL, NULL);
			t->missing += json_array_size(want) - i;
			return;
		}
		if (!could_be(w, g)) {
			say(f, t, "out of step", w, g, NULL);
			resync(want, &i, got, &k, t);
			continue;
		}
		if (fields_same(w, g, t, why, sizeof(why))) {
			t->same++;
		} else {
			t->wrong++;
			say(f, t, "differs", w, g, why);
		}
		if (k && strcmp(text(g, "ts"), text(json_array_get(got, k - 1), "ts")) < 0)
			say(f, t, "began before the one before it", w, g, NULL), t->wrong++;
		i++;
		k++;
	}
	for (; k < json_array_size(got); k++, t->extra++)
		say(f, t, "extra", NULL, json_array_get(got, k), NULL);
}

json_t *files_by_thread(const struct filed *f, bool truth, bool (*keep)(json_t *o, void *arg), void *arg)
{
	return truth ? by_thread(f->truth, keep, arg) : by_thread(f->records, keep_files, NULL);
}

/* Each record is one of the operations, in their order; those between are not missed. */
static void find_thread(const struct filed *f, json_t *want, json_t *got, struct tally *t)
{
	size_t i = 0, k;
	char why[3000];
	json_t *g;

	json_array_foreach(got, k, g)
	{
		size_t at = i;

		while (at < json_array_size(want) && !(could_be(json_array_get(want, at), g) &&
						       fields_same(json_array_get(want, at), g, t, why, sizeof(why))))
			at++;
		if (at < json_array_size(want)) {
			t->same++;
			t->missing += at - i;
			i = at + 1;
		} else {
			t->extra++;
			say(f, t, "no such operation is left", NULL, g, NULL);
		}
	}
	t->missing += json_array_size(want) - i;
}

void files_compare(const struct filed *f, bool some, bool (*keep)(json_t *want, void *arg), void *arg, struct tally *t)
{
	json_t *want = by_thread(f->truth, keep, arg), *got = by_thread(f->records, keep_files, NULL), *list;
	const char *key;

	*t = (struct tally){ .lossy = f->lossy };
	json_object_foreach(want, key, list)
	{
		if (some)
			find_thread(f, list, json_object_get(got, key), t);
		else
			compare_thread(f, list, json_object_get(got, key), t);
	}
	json_object_foreach(got, key, list)
	{
		if (json_object_get(want, key))
			continue;
		t->extra += json_array_size(list);
		say(f, t, "of a thread that had none", NULL, json_array_get(list, 0), NULL);
	}
	cr_log_info("%s: %zu the same, %zu missing, %zu extra, %zu wrong; %zu paths not known, %zu by links, %zu cut, "
		    "%zu positions not told",
		    f->label, t->same, t->missing, t->extra, t->wrong, t->unknown, t->via, t->cut, t->nowhere);
	json_decref(want);
	json_decref(got);
}
