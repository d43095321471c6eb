/* SPDX-License-Identifier: MIT */
/*
 * inlined.c: functions that are in the source and not in the program, for they were inlined wherever they are called. Nothing
 * can be probed then; it is said, so that nobody looks for a mistake in the name.
 */
#include "app/inlined.h"
#include "base/clock.h"
#include "base/human.h"
#include "debug/debug.h"

#define LIST_TIME 5000000000ull /* ns, for all files together */
#define SAY_TIME  2000000000ull
#define SAID	  3 /* functions of that name */

struct search {
	struct session *session;
	const struct pattern *pattern;
	uint64_t deadline;
};

static int ask(struct search *q, struct image *img, const struct debug_inlined **v, size_t *n, unsigned *flags)
{
	uint64_t now = clock_mono();
	struct debug_file file;

	*n = 0;
	*flags = 0;
	if (!pattern_module(q->pattern, img->path))
		return -ENOENT;
	if (now >= q->deadline) {
		*flags = DEBUG_INLINED_STOPPED;
		return 0;
	}
	carry_debug_file(q->session, img, &file);
	return debug_inlined(q->session->carry.debug, &file, q->pattern->text, q->deadline - now, v, n, flags);
}

/* "a, b, ..." */
static void users(const struct debug_inlined *f, char *text, size_t size)
{
	size_t used = 0;

	*text = 0;
	for (size_t i = 0; i < DEBUG_INLINED_INTO && f->into[i] && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", f->into[i]);
	if (f->more && used < size)
		snprintf(text + used, size - used, ", ...");
}

/* " (main.c:12 in a, b)", as far as it is known; malloc'ed. */
static char *places(const struct debug_inlined *f)
{
	char into[1024], line[16] = "";
	char *text = NULL;

	users(f, into, sizeof(into));
	if (f->line)
		snprintf(line, sizeof(line), ":%u", f->line);
	if (asprintf(&text, "%s%s%s%s%s%s", f->file || *into ? " (" : "", f->file ? f->file : "", f->file ? line : "",
		     *into ? f->file ? " in " : "in " : "", into, f->file || *into ? ")" : "") < 0)
		text = NULL;
	return text;
}

bool inlined_say(struct session *s, const struct pattern *p, enum log_level level)
{
	struct search q = { s, p, clock_mono() + SAY_TIME };
	size_t said = 0;

	if (p->kind != PAT_EXACT)
		return false;
	for (struct image *img = s->images; img && said < SAID; img = img->next) {
		const struct debug_inlined *v;
		unsigned flags;
		size_t n;

		if (ask(&q, img, &v, &n, &flags))
			continue;
		for (size_t i = 0; i < n && said < SAID; i++, said++) {
			AUTO_FREE char *where = places(&v[i]);

			log_at(level, "%s has no code of its own: it was inlined everywhere%s", v[i].name, where ? where : "");
		}
	}
	return said > 0;
}

static void row_json(const struct image *img, const struct debug_inlined *f, const char *why, struct jbuf *j)
{
	char source[4096];

	json_reset(j);
	json_obj_open(j);
	json_key(j, "function");
	json_str(j, f->name, strlen(f->name));
	json_key(j, "module");
	json_str(j, img->path, strlen(img->path));
	if (f->file && f->line) {
		snprintf(source, sizeof(source), "%s:%u", f->file, f->line);
		json_key(j, "source");
		json_str(j, source, strlen(source));
	}
	json_key(j, "traceable");
	json_bool(j, false);
	json_key(j, "verdict");
	json_str(j, "inlined only", strlen("inlined only"));
	json_key(j, "inlined_into");
	json_arr_open(j);
	for (size_t i = 0; i < DEBUG_INLINED_INTO && f->into[i]; i++)
		json_str(j, f->into[i], strlen(f->into[i]));
	json_arr_close(j);
	json_key(j, "why");
	json_str(j, why, strlen(why));
	json_obj_close(j);
	json_newline(j);
}

static void row_human(const struct image *img, const struct debug_inlined *f, const char *why)
{
	human_text(stdout, f->name, strlen(f->name));
	printf("\n    ");
	human_text(stdout, img->path, strlen(img->path));
	if (f->file) {
		printf("  ");
		human_text(stdout, f->file, strlen(f->file));
		if (f->line)
			printf(":%u", f->line);
	}
	printf("\n    inlined only: ");
	human_text(stdout, why, strlen(why));
	printf("\n");
}

static int row(const struct image *img, const struct debug_inlined *f, struct jbuf *j)
{
	char why[1200] = "no code of its own", into[1024];

	users(f, into, sizeof(into));
	if (*into)
		snprintf(why, sizeof(why), "no code of its own; it is part of %s", into);
	if (!j) {
		row_human(img, f, why);
		return 0;
	}
	row_json(img, f, why, j);
	return j->err || fwrite(j->p, 1, j->len, stdout) != j->len ? -EIO : 0;
}

static bool is_planned(const struct session *s, const struct image *img, const char *name)
{
	for (size_t i = 0; i < s->plan.n; i++)
		if (s->plan.funcs[i].image == img && !strcmp(s->plan.funcs[i].name, name))
			return true;
	return false;
}

int inlined_list(struct session *s, struct jbuf *j, size_t *rows)
{
	struct search q = { s, s->patterns, clock_mono() + LIST_TIME };
	unsigned all = 0, flags;
	int err = 0;

	*rows = 0;
	if (q.pattern->kind == PAT_OFFSET || q.pattern->exclude)
		return 0;
	for (struct image *img = s->images; img && !err; img = img->next) {
		const struct debug_inlined *v;
		size_t n;

		if (ask(&q, img, &v, &n, &flags))
			continue;
		all |= flags;
		for (size_t i = 0; i < n && !err; i++) {
			/* Its code may be in what was not read. */
			if (flags & DEBUG_INLINED_STOPPED && is_planned(s, img, v[i].name))
				continue;
			err = row(img, &v[i], j);
			++*rows;
		}
	}
	fflush(stdout);
	if (all & DEBUG_INLINED_STOPPED)
		log_info("not all debug information was searched for functions that were inlined; a module (MODULE:NAME) "
			 "or a narrower pattern helps");
	else if (all & DEBUG_INLINED_MORE)
		log_info("more functions than shown were inlined everywhere; a narrower pattern shows them");
	return err;
}
