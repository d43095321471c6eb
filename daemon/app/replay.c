/* SPDX-License-Identifier: MIT */
/* replay.c: --replay FILE: a recorded stream through the same decoder and sinks, without kernel and root. */
#include "app/session.h"
#include "base/log.h"

struct replay {
	struct fn_stats *stats;
	uint64_t (*buckets)[HIST_BUCKETS];
	size_t n, cap, bcap;
	uint64_t last_ns;
};

static void replay_stats(void *arg, uint32_t fn, struct fn_stats *ret)
{
	struct replay *r = arg;

	if (fn < r->n)
		*ret = r->stats[fn];
	else
		memset(ret, 0, sizeof(*ret));
}

static int replay_histogram(void *arg, uint32_t fn, uint64_t bucket[HIST_BUCKETS])
{
	struct replay *r = arg;

	if (fn >= r->n)
		return -ERANGE;
	memcpy(bucket, r->buckets[fn], sizeof(r->buckets[fn]));
	return 0;
}

static int grow(struct replay *r, struct output *o, const struct decoder *d)
{
	int err = 0;

	while (r->n < d->nfns && !err) {
		err = util_grow(&r->stats, r->n, &r->cap, sizeof(*r->stats));
		if (!err)
			err = util_grow(&r->buckets, r->n, &r->bcap, sizeof(*r->buckets));
		if (err)
			break;
		memset(&r->stats[r->n], 0, sizeof(r->stats[0]));
		memset(r->buckets[r->n], 0, sizeof(r->buckets[0]));
		err = output_add_fn(o, d->fns[r->n].function, d->fns[r->n].module, d->fns[r->n].values, NULL);
		r->n++;
	}
	/* The reader owns the names and may have moved them. */
	for (size_t i = 0; i < r->n && i < d->nfns; i++)
		o->names[i] = d->fns[i];
	return err;
}

static void count(struct replay *r, const void *bytes, size_t len)
{
	struct ev_call e;

	if (len < sizeof(e))
		return;
	memcpy(&e, bytes, sizeof(e));
	if (e.h.kind != EV_CALL || e.fn >= r->n)
		return;
	stats_count(&r->stats[e.fn], r->buckets[e.fn], e.exit,
		    e.h.ts_ns > e.start_ns ? e.h.ts_ns - e.start_ns : 0);
}

static int run(struct stream_reader *in, struct output *o, struct replay *r, bool summary)
{
	const void *bytes;
	bool begun = false;
	size_t len;
	int err;

	while ((err = stream_next(in, &bytes, &len)) == 1) {
		const struct decoder *d = stream_decoder(in);

		err = grow(r, o, d);
		if (err)
			return err;
		o->decoder.clock = d->clock;
		o->decoder.salt = d->salt;
		if (!begun)
			output_trace(o, 0, stream_meta(in, "exe"), "",
				     stream_meta(in, "kernel") ? stream_meta(in, "kernel") : "", NULL, 0);
		begun = true;
		count(r, bytes, len);
		if (!summary)
			output_event(o, bytes, len);
	}
	return err;
}

int replay_run(struct conf *conf)
{
	struct stream_reader *in;
	struct replay r = { 0 };
	struct stats_source src = { replay_stats, replay_histogram, &r };
	struct resolve *places = NULL;
	struct recorded *names = NULL;
	struct output o;
	int err = stream_reader_open(&in, conf->replay);

	if (err) {
		log_error("%s: %s", conf->replay,
			  err == -EBADMSG ? "not a recorded stream" :
			  err == -EPROTO ? "recorded by another version of tpd" : strerror(-err));
		return STATUS_FAILED;
	}
	err = resolve_new(&places, NULL);
	if (!err)
		err = recorded_new(&names, resolve_resolver(places), NULL, in);
	if (!err)
		err = output_open(&o, conf, recorded_resolver(names));
	if (!err)
		err = fileio_replay(&o);
	if (!err) {
		err = run(in, &o, &r, conf->summary);
		if (err)
			log_error("%s: %s", conf->replay,
				  err == -ENODATA ? "it ends in the middle of an event" : "not a recorded stream");
		exceptions_finish(o.exceptions);
		output_summary(&o, &src, false);
		output_end(&o, err ? "error" : "target_exit", 0);
		output_close(&o);
	}
	stream_reader_close(in);
	recorded_free(names);
	resolve_free(places);
	free(r.stats);
	free(r.buckets);
	return err ? STATUS_FAILED : STATUS_DONE;
}
