/* SPDX-License-Identifier: MIT */
/* output.c: events become records and reach the sink; the records that frame a stream. */
#include <sys/random.h>
#include <sys/utsname.h>

#include "app/output.h"
#include "base/human.h"
#include "base/log.h"

#define ARENA_BYTES (256u << 10) /* one record's */

void output_status_clear(void *arg, bool before)
{
	struct output *o = arg;

	if (before && o->status_shown) {
		fputs("\r\033[K", stderr);
		fflush(stderr);
		o->status_shown = false;
	}
}

static bool colours(const struct conf *c, int fd)
{
	const char *no = getenv("NO_COLOR");

	return !c->color_never && !(no && *no) && isatty(fd);
}

static int open_recording(struct output *o, const struct conf *c, const struct resolver *res)
{
	int err;

	o->resolver = res;
	if (!c->record)
		return 0;
	err = stream_writer_open(&o->recording, c->record, &o->decoder.clock, o->decoder.salt);
	if (err)
		log_error("%s: %s", c->record, strerror(-err));
	else
		err = recorded_new(&o->recorded, res, o->recording, NULL);
	if (!err)
		o->resolver = recorded_resolver(o->recorded);
	return err;
}

static void put(void *arg, const struct record *r)
{
	struct output *o = arg;

	o->sink->ops->write(o->sink, r);
}

static int open_stages(struct output *o)
{
	int err = arena_new(&o->arena, ARENA_BYTES);

	if (!err)
		err = stacks_new(&o->stacks, o->resolver);
	if (!err)
		err = exceptions_new(&o->exceptions, o->resolver, &o->decoder, put, o);
	return err;
}

int output_open(struct output *o, const struct conf *c, const struct resolver *res)
{
	struct sink_conf sc = { .path = c->output ? c->output : "-" };
	const struct sink_ops *ops = c->output ? &sink_ndjson : &sink_console;
	int err;

	memset(o, 0, sizeof(*o));
	o->conf = c;
	o->human = !c->output;
	sc.colour = o->human && colours(c, STDOUT_FILENO);
	clock_map_sample(&o->decoder.clock);
	if (getrandom(&o->decoder.salt, sizeof(o->decoder.salt), 0) != sizeof(o->decoder.salt))
		o->decoder.salt = clock_wall();
	err = open_recording(o, c, res);
	if (!err)
		err = open_stages(o);
	if (err)
		return err;
	err = ops->open(&o->sink, &sc);
	if (err) {
		log_error("%s: %s%s", sc.path, strerror(-err),
			  err == -ELOOP ? " (it is a symbolic link; name the file itself)" : "");
		return err;
	}
	o->status = !c->quiet && c->output && strcmp(c->output, "-") && isatty(STDERR_FILENO);
	if (o->status)
		log_set_hook(output_status_clear, o);
	return 0;
}

void output_close(struct output *o)
{
	if (o->status) {
		output_status_clear(o, true);
		log_set_hook(NULL, NULL);
	}
	if (o->sink)
		o->sink->ops->close(o->sink);
	stream_writer_close(o->recording);
	recorded_free(o->recorded);
	accounting_free(&o->accounting);
	arena_free(o->arena);
	exceptions_free(o->exceptions);
	stacks_free(o->stacks);
	files_free(o->files);
	free(o->names);
	free(o->fn_told);
	memset(o, 0, sizeof(*o));
}

int output_add_fn(struct output *o, const char *function, const char *module, const struct values *values,
		  const struct where_fn *where)
{
	size_t n = o->decoder.nfns, old = o->fn_told_cap;
	int err = util_grow(&o->names, n, &o->names_cap, sizeof(*o->names));

	if (!err)
		err = util_grow(&o->fn_told, n, &o->fn_told_cap, sizeof(*o->fn_told));
	if (err)
		return err;
	if (o->fn_told_cap > old)
		memset(o->fn_told + old, 0, (o->fn_told_cap - old) * sizeof(*o->fn_told));
	o->names[n] = (struct fn_name){ function, module, values };
	o->fn_told[n].where = where;
	o->decoder.fns = o->names;
	o->decoder.nfns = n + 1;
	if (o->recording)
		stream_write_fn(o->recording, &o->names[n]);
	return 0;
}

static struct record begin(const char *type, enum record_rank rank)
{
	struct record r = { .type = type, .rank = rank };

	return r;
}

static void put_now(struct record *r)
{
	record_val(r, K_TS, VAL_TIME, clock_wall());
}

static void put_str(struct record *r, enum record_key key, const char *s)
{
	if (s && *s)
		record_str(r, key, s, strlen(s));
}

#define PROBE_FIELDS 6

/* The probes as an array of objects; *fields is malloc'ed and must outlive the record. */
static void put_probes(struct output *o, struct record *r, const struct probe_info *p, size_t n,
		       struct field **fields)
{
	struct field *list = calloc(n ? n : 1, (PROBE_FIELDS + 1) * sizeof(*list)), *f = list + n;

	*fields = list;
	if (!list)
		return;
	for (size_t i = 0; i < n; i++, f += PROBE_FIELDS) {
		const struct fn_name *name = &o->names[p[i].fn];
		size_t k = 0;

		f[k++] = (struct field){ .key = K_ID, .type = VAL_U64, .u = p[i].fn };
		f[k++] = (struct field){ .key = K_FUNCTION, .type = VAL_STR,
					 .len = strlen(name->function), .str = name->function };
		f[k++] = (struct field){ .key = K_MODULE, .type = VAL_STR, .len = strlen(name->module),
					 .str = name->module };
		f[k++] = (struct field){ .key = K_OFFSET, .type = VAL_U64, .u = p[i].offset };
		f[k++] = (struct field){ .key = K_RETURNS, .type = VAL_STR, .len = strlen(p[i].returns),
					 .str = p[i].returns };
		if (p[i].emulated)
			f[k++] = (struct field){ .key = K_EMULATED, .type = VAL_BOOL, .u = 1 };
		list[i] = (struct field){ .type = VAL_OBJECT, .len = k, .list = f };
	}
	record_list(r, K_PROBES, VAL_ARRAY, list, n);
}

void output_trace(struct output *o, int pid, const char *exe, const char *build_id, const char *kernel,
		  const struct probe_info *probes, size_t n)
{
	struct record r = begin("trace", RANK_STREAM);
	struct field *fields = NULL;
	struct utsname u = { 0 };

	uname(&u);
	if (o->recording) {
		stream_write_meta(o->recording, "host", u.nodename);
		stream_write_meta(o->recording, "kernel", kernel);
		stream_write_meta(o->recording, "exe", exe ? exe : "");
	}
	record_u64(&r, K_SCHEMA, RECORD_SCHEMA);
	put_now(&r);
	put_str(&r, K_TPD, TPD_VERSION);
	put_str(&r, K_HOST, u.nodename);
	put_str(&r, K_KERNEL, kernel);
	if (pid)
		record_u64(&r, K_PID, pid);
	put_str(&r, K_EXE, exe);
	put_str(&r, K_BUILD_ID, build_id);
	if (!o->human)
		put_probes(o, &r, probes, n, &fields);
	put(o, &r);
	free(fields);
	output_flush(o);
}

void output_process(struct output *o, int pid, const char *event, const char *path,
		    const struct probe_info *probes, size_t n)
{
	struct record r = begin("process", RANK_STREAM);
	struct field *fields = NULL;

	put_now(&r);
	record_u64(&r, K_PID, pid);
	put_str(&r, K_EVENT, event);
	put_str(&r, K_PATH, path);
	if (n)
		put_probes(o, &r, probes, n, &fields);
	put(o, &r);
	free(fields);
}

/* What it carried. */
static int add_values(struct output *o, const struct ev_call *e, const unsigned char *bytes, size_t len,
		      struct record *r)
{
	const struct values *v = o->names[e->fn].values;
	struct values_from from = { .returned = e->exit == EXIT_RETURN, .pid = e->h.pid, .names = o->resolver, .why = "map_full" };

	arena_reset(o->arena);
	if (!v || !(e->flags & (CALL_F_CAPTURE | CALL_F_MISSING)))
		return 0;
	if (!(e->flags & CALL_F_MISSING)) {
		from.bytes = bytes + sizeof(*e);
		from.len = len - sizeof(*e);
	}
	return values_put_from(v, &from, o->arena, r);
}

/* *wanted: neither conditions nor --count left it out. */
static int put_call(struct output *o, const void *bytes, size_t len, struct record *r, bool *wanted)
{
	struct ev_call e;
	int err;

	memcpy(&e, bytes, sizeof(e));
	if (e.fn >= o->decoder.nfns)
		return -EBADMSG;
	err = add_values(o, &e, bytes, len, r);
	if (err)
		return err;
	*wanted = !(e.flags & CALL_F_UNWANTED) && where_match(o->fn_told[e.fn].where, r) &&
		  !(o->conf->count && o->calls >= o->conf->count);
	if (!*wanted) {
		o->fn_told[e.fn].unwanted++;
		return 0;
	}
	if (e.flags & CALL_F_STACK || o->conf->stack)
		stacks_put(o->stacks, e.id, true, r);
	if (o->sink->ops->write(o->sink, r))
		o->fn_told[e.fn].shed++;
	o->calls++;
	return 0;
}

static int take_event(struct output *o, uint16_t kind, const void *bytes, size_t len, bool *wanted)
{
	struct record r;
	int err;

	err = stacks_event(o->stacks, bytes, len);
	if (!err)
		err = exceptions_event(o->exceptions, bytes, len);
	if (!err && o->files)
		err = files_event(o->files, bytes, len);
	if (err)
		return err;
	err = decode_event(&o->decoder, bytes, len, &r);
	if (err == -ENOTSUP)
		return 0;
	if (err)
		return err;
	if (kind == EV_CALL)
		return put_call(o, bytes, len, &r, wanted);
	put(o, &r);
	return 0;
}

/* Without functions --count is about these. */
void output_file(void *output, const struct record *r)
{
	struct output *o = output;

	if (r->rank == RANK_EVENT) {
		if (o->conf->count && !o->conf->functions.n && o->file_records >= o->conf->count)
			return;
		o->file_records++;
	}
	o->sink->ops->write(o->sink, r);
}

int output_event(struct output *o, const void *bytes, size_t len)
{
	bool wanted = true;
	struct ev_hdr h;
	int err;

	err = decode_header(bytes, len, &h);
	if (err)
		return err;
	accounting_event(&o->accounting, h.cpu, h.seq);
	err = take_event(o, h.kind, bytes, len, &wanted);
	/* Behind the names that were asked for. */
	if (o->recording)
		(wanted ? stream_write_event : stream_write_unwanted)(o->recording, bytes, len);
	return err;
}

void output_lost(struct output *o, const char *reason, uint64_t count)
{
	struct record r = begin("lost", RANK_LOSS);

	put_now(&r);
	put_str(&r, K_REASON, reason);
	record_u64(&r, K_COUNT, count);
	put(o, &r);
}

static const char *reason_name(unsigned reason)
{
	static const char *const names[] = {
#define X(id, num, name) [num] = name,
		LOST_REASONS(X)
#undef X
	};

	return names[reason];
}

void output_losses(struct output *o, const struct stats_source *src)
{
	struct fn_stats s;

	for (uint32_t fn = 0; fn < o->decoder.nfns; fn++) {
		src->stats(src->arg, fn, &s);
		for (unsigned why = 0; why < LOST_MAX; why++) {
			uint64_t n = s.lost[why] - o->fn_told[fn].n[why];
			struct record r = begin("lost", RANK_LOSS);

			if (!n)
				continue;
			put_now(&r);
			record_u64(&r, K_PROBE, fn);
			put_str(&r, K_FUNCTION, o->names[fn].function);
			put_str(&r, K_REASON, reason_name(why));
			record_u64(&r, K_COUNT, n);
			put(o, &r);
			o->fn_told[fn].n[why] += n;
		}
	}
}

void output_end(struct output *o, const char *reason, uint64_t lost)
{
	struct record r = begin("end", RANK_STREAM);

	static const struct field unseen[] = {
		{ .type = VAL_STR, .str = "io_uring", .len = 8 },
	};
	uint64_t shed = o->sink->ops->lost(o->sink), told = o->calls + o->file_records;

	lost += shed;
	put_now(&r);
	put_str(&r, K_REASON, reason);
	record_u64(&r, K_EVENTS, told - MIN(shed, told));
	record_u64(&r, K_LOST, lost);
	if (o->files && files_unseen(o->files) & FILES_IO_URING)
		record_list(&r, K_UNSEEN, VAL_ARRAY, unseen, 1);
	put(o, &r);
	output_flush(o);
}

int output_flush(struct output *o)
{
	int err = o->sink->ops->flush(o->sink);

	if (err && err != -EPIPE && !o->complained) {
		o->complained = true;
		log_warn("%s takes no more: %s; the target is not held up, what does not fit is counted as lost",
			 o->conf->output ? o->conf->output : "standard output", strerror(-err));
	} else if (!err && o->complained) {
		o->complained = false;
		log_info("%s takes output again", o->conf->output ? o->conf->output : "standard output");
	}
	if (o->recording)
		stream_writer_flush(o->recording);
	return err;
}

void output_status(struct output *o, uint64_t lost)
{
	uint64_t now = clock_mono(), ns = now - o->status_ns;
	char calls[HUMAN_MAX], rate[HUMAN_MAX], n[HUMAN_MAX];

	if (!o->status)
		return;
	fprintf(stderr, "\r\033[K%s calls, %s/s, %s lost; ^C ends", human_count(calls, o->calls),
		human_count(rate, o->status_ns && ns ? (o->calls - o->status_calls) * 1000000000ull / ns : 0),
		human_count(n, lost));
	fflush(stderr);
	o->status_shown = true;
	o->status_ns = now;
	o->status_calls = o->calls;
}
