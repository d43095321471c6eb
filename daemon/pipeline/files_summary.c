/* SPDX-License-Identifier: MIT */
/*
 * files_summary.c: --files=summary. What happens often (read, write, sync ...) the kernel adds up by descriptor, and begins anew
 * whenever descriptors of the process change; what changes them comes as events. Both are added here, by file and process.
 */
#include "base/human.h"
#include "pipeline/files_priv.h"

#define SUMS_MAX  65536 /* files and processes told apart */
#define OPS_MAX   32
#define TABLE_MAX 30

struct file_sum {
	char *key; /* the process, and the path */
	uint32_t pid;
	const char *path; /* in key; NULL: not known */
	const char *op[OPS_MAX];
	uint64_t ops[OPS_MAX];
	size_t nops;
	uint64_t count, read, written, errors, total_ns, max_ns, opened, closed, still;
	uint64_t bucket[FILE_BUCKETS];
	UT_hash_handle hh;
};

/* Those that have no room any more are one. */
static struct file_sum *sum_get(struct files *f, uint32_t pid, const char *path)
{
	bool full = HASH_COUNT(f->sums) >= SUMS_MAX;
	AUTO_FREE char *key = NULL;
	struct file_sum *s;
	size_t n;

	if (asprintf(&key, "%08x%s", pid, path ? path : "") < 0) {
		key = NULL;
		return NULL;
	}
	n = strlen(key);
	HASH_FIND(hh, f->sums, key, n, s);
	if (s || (full && path))
		return s ? s : sum_get(f, pid, NULL);
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->key = util_steal(&key);
	s->pid = pid;
	s->path = path ? s->key + 8 : NULL;
	HASH_ADD_KEYPTR(hh, f->sums, s->key, n, s);
	return s;
}

void files_sums_free(struct files *f)
{
	struct file_sum *s, *tmp;

	HASH_ITER (hh, f->sums, s, tmp) {
		HASH_DEL(f->sums, s);
		free(s->key);
		free(s);
	}
}

static void add_op(struct file_sum *s, const struct file_call *c, uint64_t n)
{
	const char *op = c->op ? c->op : c->name;
	size_t i = 0;

	while (i < s->nops && strcmp(s->op[i], op))
		i++;
	if (i == OPS_MAX)
		return;
	s->op[i] = op;
	s->nops = MAX(s->nops, i + 1);
	s->ops[i] += n;
	s->count += n;
}

static void add_bytes(struct file_sum *s, bool writes, uint64_t n)
{
	if (writes)
		s->written += n;
	else
		s->read += n;
}

static uint32_t bucket_of(uint64_t ns)
{
	uint32_t b = 0;

	while (b < FILE_BUCKETS - 1 && ns >> (b + 1))
		b++;
	return b;
}

static void add_event(struct file_sum *s, const struct file_event *v)
{
	uint64_t ns = v->e.h.ts_ns > v->e.start_ns ? v->e.h.ts_ns - v->e.start_ns : 0;

	add_op(s, v->call, 1);
	s->errors += v->e.ret < 0;
	s->total_ns += ns;
	s->max_ns = MAX(s->max_ns, ns);
	s->bucket[bucket_of(ns)]++;
	s->opened += v->call->effect == EFFECT_OPEN && v->e.ret >= 0;
	s->closed += v->call->effect == EFFECT_CLOSE && v->e.ret >= 0;
}

/* A copy is read here and written there, as far as that are files. */
static void add_copy(struct files *f, const struct file_event *v)
{
	struct desc *const end[2] = { v->fd, v->fd2 };
	bool counted = false;

	for (unsigned i = 0; i < 2; i++) {
		struct file_sum *s;

		if (end[i] && end[i]->kind != DESC_FILE && !f->conf.all_fds)
			continue;
		s = sum_get(f, v->e.h.pid, files_path_of(f, v, i));
		if (s && !counted)
			add_event(s, v);
		if (s && v->e.ret > 0)
			add_bytes(s, i, v->e.ret);
		counted = true;
	}
}

void files_add(struct files *f, const struct file_event *v)
{
	struct file_sum *s;

	if (v->call->fd2) {
		add_copy(f, v);
		return;
	}
	s = sum_get(f, v->e.h.pid, files_path_of(f, v, 0));
	if (!s)
		return;
	add_event(s, v);
	if (v->call->bytes && v->e.ret > 0)
		add_bytes(s, v->call->writes, v->e.ret);
}

int files_count(struct files *f, const struct file_key *key, const struct file_stats *t, bool last)
{
	const struct file_call *c = key->nr < SYS_MAX ? f->calls[key->nr] : NULL;
	struct file_process *p = files_get(f, key->tgid);
	const char *path;
	struct file_sum *s;
	struct desc *d;

	if (!c || !p)
		return 1;
	/* The table is not as far yet, or there is more to come. */
	if (!last && !p->gone && key->since >= p->changed_ns)
		return 0;
	d = fd_known(p, key->fd, MAX(MAX(key->since, p->asked_ns), p->born_ns));
	if (d && d->kind != DESC_FILE && !f->conf.all_fds)
		return 1;
	path = d && !d->lost ? d->path : NULL;
	if (!files_path_wanted(f, path))
		return 1;
	s = sum_get(f, key->tgid, path);
	if (!s)
		return 1;
	add_op(s, c, t->ops);
	s->errors += t->errors;
	s->total_ns += t->total_ns;
	s->max_ns = MAX(s->max_ns, t->max_ns);
	if (c->bytes)
		add_bytes(s, c->writes, t->bytes);
	for (size_t i = 0; i < FILE_BUCKETS; i++)
		s->bucket[i] += t->bucket[i];
	return 1;
}

void files_counted(struct files *f)
{
	struct file_process *p, *tmp;

	HASH_ITER (hh, f->processes, p, tmp)
		if (p->gone)
			files_exit(f, p->pid);
}

/* The upper end of the bucket in which this share of all is reached. */
static uint64_t percentile(const struct file_sum *s, unsigned percent)
{
	uint64_t want = (s->count * percent + 99) / 100, seen = 0;

	for (size_t i = 0; i < FILE_BUCKETS; i++) {
		seen += s->bucket[i];
		if (seen >= want && seen)
			return MIN((UINT64_C(2) << i) - 1, s->max_ns);
	}
	return s->max_ns;
}

static void count_open(struct files *f)
{
	struct file_process *p, *ptmp;
	struct slot *slot, *tmp;
	struct file_sum *s, *stmp;

	HASH_ITER (hh, f->sums, s, stmp)
		s->still = 0;
	HASH_ITER (hh, f->processes, p, ptmp) {
		if (p->gone)
			continue;
		HASH_ITER (hh, p->table->slots, slot, tmp) {
			const struct desc *d = slot->newest && slot->newest->closed == UINT64_MAX ? slot->newest->desc : NULL;

			if (!d || d->lost || (d->kind != DESC_FILE && !f->conf.all_fds) || !files_path_wanted(f, d->path))
				continue;
			s = sum_get(f, p->pid, d->path);
			if (s)
				s->still++;
		}
	}
}

static int by_time(const void *a, const void *b)
{
	const struct file_sum *const *x = a, *const *y = b;

	if ((*x)->total_ns != (*y)->total_ns)
		return (*x)->total_ns < (*y)->total_ns ? 1 : -1;
	return strcmp((*x)->key, (*y)->key);
}

/* All, most time first; malloc'ed. */
static struct file_sum **ranked(struct files *f, size_t *n)
{
	struct file_sum **v, *s, *tmp;

	count_open(f);
	v = calloc(HASH_COUNT(f->sums) + 1, sizeof(struct file_sum *));
	*n = 0;
	if (!v)
		return NULL;
	HASH_ITER (hh, f->sums, s, tmp)
		v[(*n)++] = s;
	qsort(v, *n, sizeof(struct file_sum *), by_time);
	return v;
}

static void tell(struct files *f, const struct file_sum *s, bool interval)
{
	struct record r = { .type = "file_summary", .rank = RANK_STREAM };
	struct field ops[OPS_MAX];

	record_val(&r, K_TS, VAL_TIME, clock_wall());
	if (interval)
		record_val(&r, K_INTERVAL, VAL_BOOL, 1);
	if (s->path)
		record_str(&r, K_PATH, s->path, strlen(s->path));
	else
		record_add(&r, &(struct field){ .key = K_PATH, .type = VAL_UNAVAIL, .str = "unknown_fd", .len = 10 });
	record_u64(&r, K_PID, s->pid);
	for (size_t i = 0; i < s->nops; i++)
		ops[i] = (struct field){ .name = s->op[i], .type = VAL_U64, .u = s->ops[i] };
	record_list(&r, K_OPS, VAL_OBJECT, ops, s->nops);
	record_u64(&r, K_BYTES_READ, s->read);
	record_u64(&r, K_BYTES_WRITTEN, s->written);
	record_u64(&r, K_ERRORS, s->errors);
	if (s->count) {
		record_val(&r, K_TOTAL, VAL_NS, s->total_ns);
		record_val(&r, K_P50, VAL_NS, percentile(s, 50));
		record_val(&r, K_P90, VAL_NS, percentile(s, 90));
		record_val(&r, K_P99, VAL_NS, percentile(s, 99));
		record_val(&r, K_MAX, VAL_NS, s->max_ns);
	}
	record_u64(&r, K_OPENED, s->opened);
	record_u64(&r, K_CLOSED, s->closed);
	record_u64(&r, K_STILL_OPEN, s->still);
	f->emit(f->arg, &r);
}

void files_summary(struct files *f, bool interval)
{
	struct file_sum **v;
	size_t n;

	if (!f->conf.summary)
		return;
	v = ranked(f, &n);
	for (size_t i = 0; v && i < n; i++)
		tell(f, v[i], interval);
	free(v);
}

void files_table(struct files *f, FILE *out)
{
	struct file_sum **v;
	size_t n;

	if (!f->conf.summary)
		return;
	v = ranked(f, &n);
	if (v && n)
		fprintf(out, "\n%9s %9s %9s %9s %9s %9s %7s %5s  %s\n", "TIME", "OPS", "READ", "WRITTEN", "P50", "P99", "ERRORS",
			"OPEN", "FILE");
	for (size_t i = 0; v && i < MIN(n, (size_t)TABLE_MAX); i++) {
		char total[HUMAN_MAX], ops[HUMAN_MAX], in[HUMAN_MAX], to[HUMAN_MAX], p50[HUMAN_MAX], p99[HUMAN_MAX];
		const char *path = v[i]->path ? v[i]->path : "(not known)";

		fprintf(out, "%9s %9s %9s %9s %9s %9s %7llu %5llu  ", human_ns(total, v[i]->total_ns), human_count(ops, v[i]->count),
			human_count(in, v[i]->read), human_count(to, v[i]->written), human_ns(p50, percentile(v[i], 50)),
			human_ns(p99, percentile(v[i], 99)), (unsigned long long)v[i]->errors, (unsigned long long)v[i]->still);
		human_text(out, path, strlen(path));
		fputc('\n', out);
	}
	if (n > TABLE_MAX)
		fprintf(out, "... and %zu more files; -o FILE has all of them\n", n - TABLE_MAX);
	free(v);
}
