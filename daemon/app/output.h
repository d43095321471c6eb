/* SPDX-License-Identifier: MIT */
/*
 * output.h: from events to sinks: decode, count, fan out; the framing records (trace, process, lost, summary, end)
 * and what people see (table, histogram, status line).
 */
#ifndef TPD_OUTPUT_H
#define TPD_OUTPUT_H

#include "format/options.h"
#include "pipeline/accounting.h"
#include "pipeline/decode.h"
#include "pipeline/exceptions.h"
#include "pipeline/files.h"
#include "pipeline/recorded.h"
#include "pipeline/stacks.h"
#include "pipeline/stats.h"
#include "pipeline/stream.h"
#include "pipeline/values.h"
#include "condition.h"
#include "sink.h"

/* Where statistics come from: the kernel, or a replayed stream. */
struct stats_source {
	void (*stats)(void *arg, uint32_t fn, struct fn_stats *ret);
	int (*histogram)(void *arg, uint32_t fn, uint64_t bucket[HIST_BUCKETS]);
	void *arg;
};

/* A probe of the trace record. */
struct probe_info {
	uint32_t fn;
	uint64_t offset;     /* virtual address in the module */
	const char *returns; /* as the schema names it */
	bool emulated;
};

struct output {
	const struct conf *conf;
	struct sink *sink;
	bool human;             /* the sink writes lines for people */
	bool status;            /* a status line on stderr */
	bool status_shown;
	struct decoder decoder;
	const struct resolver *resolver;
	struct fn_name *names;
	size_t names_cap;
	struct accounting accounting;
	struct stream_writer *recording;
	struct recorded *recorded; /* the resolver, with a recording */
	struct arena *arena;    /* of the record that is being made */
	struct exceptions *exceptions;
	struct stacks *stacks;
	struct files *files;    /* NULL: not asked for */
	uint64_t file_records;  /* handed to the sink */
	uint64_t calls;         /* call records handed to the sink */
	uint64_t status_calls;  /* ... at the last status line */
	uint64_t status_ns;
	struct fn_lost {
		uint64_t n[LOST_MAX];
		uint64_t shed, unwanted; /* events that the sink did not take, or that --count left out */
		const struct where_fn *where; /* of calls that are wanted, as far as the kernel could not tell */
	} *fn_told;             /* losses told so far, by function */
	size_t fn_told_cap;
	bool complained;        /* that the output takes no more was said */
};

/* Opens the sink and the recording; res, which must outlive it, knows the targets' addresses. 0 or negative errno, logged. */
int output_open(struct output *o, const struct conf *conf, const struct resolver *res);
void output_close(struct output *o);

/* Functions are named in the order of their index. The strings must stay. */
int output_add_fn(struct output *o, const char *function, const char *module, const struct values *values,
		  const struct where_fn *where);

void output_trace(struct output *o, int pid, const char *exe, const char *build_id, const char *kernel,
		  const struct probe_info *probes, size_t n);
/* event: "attach", "detach", "library"; path may be NULL. */
void output_process(struct output *o, int pid, const char *event, const char *path,
		    const struct probe_info *probes, size_t n);
/* An event as it came from the ring. 0, or -EBADMSG. */
int output_event(struct output *o, const void *bytes, size_t len);
/* Tells what was lost since the last time, a record a function and reason. */
void output_losses(struct output *o, const struct stats_source *src);
/* A file record, or one of the summary: goes to the sink. */
void output_file(void *output, const struct record *r);
void output_lost(struct output *o, const char *reason, uint64_t count);
/* Summary records, and for people the table and the histograms. interval: not the last time. */
void output_summary(struct output *o, const struct stats_source *src, bool interval);
void output_end(struct output *o, const char *reason, uint64_t lost);
/* Pushes out what is buffered; says once if that fails. -EPIPE: the reader is gone. */
int output_flush(struct output *o);
void output_status(struct output *o, uint64_t lost);
/* Takes the status line away, before something else is written; for log_set_hook() too. */
void output_status_clear(void *output, bool before);

#endif
