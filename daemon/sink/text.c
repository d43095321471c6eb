/* SPDX-License-Identifier: MIT */
/*
 * text.c: see text.h. When the output takes no more, calls are shed before the records that frame
 * the stream; a `lost` record stands in the stream where the gap is, before the first line that
 * was taken again.
 */
#include "base/clock.h"
#include "event.h"
#include "sink/text.h"

static struct text *to_text(const struct sink *s)
{
	return (struct text *)s;
}

int text_open(struct text *t, const struct sink_conf *conf)
{
	return lines_open(&t->lines, conf->path ? conf->path : "-", conf->truncate);
}

static int put(struct text *t, const struct record *r)
{
	const char *line;
	size_t len;
	int err = t->render(t, r, &line, &len);

	return err ? err : lines_put(&t->lines, line, len, r->rank != RANK_EVENT);
}

/* A notice that finds no room is no loss of its own: the gap stays to be told. */
static void tell_gap(struct text *t)
{
	static const char *const reasons[] = {
#define X(id, num, name) [num] = name,
		LOST_REASONS(X)
#undef X
	};
	struct record r = { .type = "lost", .rank = RANK_LOSS };

	record_val(&r, K_TS, VAL_TIME, clock_wall());
	record_str(&r, K_REASON, reasons[LOST_OUTPUT], strlen(reasons[LOST_OUTPUT]));
	record_u64(&r, K_COUNT, t->lines.gap);
	if (!put(t, &r))
		lines_told(&t->lines);
}

int text_write(struct sink *s, const struct record *r)
{
	struct text *t = to_text(s);

	if (lines_full(&t->lines, r->rank != RANK_EVENT))
		return lines_shed(&t->lines);
	if (t->lines.gap)
		tell_gap(t);
	return put(t, r) ? lines_shed(&t->lines) : 0;
}

int text_flush(struct sink *s)
{
	struct text *t = to_text(s);
	int err = lines_flush(&t->lines);

	if (err || t->lines.err || !t->lines.gap)
		return err;
	tell_gap(t);
	return lines_flush(&t->lines);
}

uint64_t text_lost(const struct sink *s)
{
	return to_text(s)->lines.lost;
}

void text_close(struct text *t)
{
	lines_drain(&t->lines);
	text_flush(&t->sink);
	lines_close(&t->lines);
}
