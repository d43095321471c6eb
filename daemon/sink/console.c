/* SPDX-License-Identifier: MIT */
/*
 * console.c: a record a line for people. A record that tells of a function and its duration is
 * laid out in columns, any other as its type and key=value; nothing here knows the types of
 * records.
 */
#include <inttypes.h>
#include <time.h>
#include "base/human.h"
#include "format/json.h"
#include "sink/text.h"

#define INDENT_MAX 40 /* levels that are drawn */
#define ARRAY_MAX  8  /* elements that are printed */

struct console {
	struct text text;
	bool colour;
	FILE *mem; /* writes into p, len */
	char *p;
	size_t len;
	time_t second;     /* of the clock text */
	char clock[16];
};

static void begin_colour(struct console *c, const char *sgr)
{
	if (c->colour)
		fprintf(c->mem, "\033[%sm", sgr);
}

static void end_colour(struct console *c)
{
	if (c->colour)
		fputs("\033[0m", c->mem);
}

static void put_time(struct console *c, uint64_t ns)
{
	time_t t = (time_t)(ns / 1000000000u);
	struct tm tm;

	if (t != c->second || !c->clock[0]) {
		localtime_r(&t, &tm);
		strftime(c->clock, sizeof(c->clock), "%H:%M:%S", &tm);
		c->second = t;
	}
	fprintf(c->mem, "%s.%06u", c->clock, (unsigned)(ns % 1000000000u / 1000));
}

/* Values with blanks or nothing in them are quoted, so that they cannot pass for other fields. */
static void put_text(struct console *c, const char *s, size_t len)
{
	bool quote = !len || memchr(s, ' ', len) || memchr(s, '=', len) || memchr(s, '"', len);

	if (quote)
		fputc('"', c->mem);
	for (const char *end = s + len; s < end;) {
		const char *mark = memchr(s, '"', (size_t)(end - s));
		size_t n = (size_t)((mark ? mark : end) - s);

		human_text(c->mem, s, n);
		s += n;
		if (s < end) {
			fputs("\\\"", c->mem);
			s++;
		}
	}
	if (quote)
		fputc('"', c->mem);
}

static void put_name(struct console *c, const struct field *f)
{
	const char *name = field_name(f);

	human_text(c->mem, name, strlen(name));
	fputc('=', c->mem);
}

static void put_value(struct console *c, const struct field *f);

static void put_list(struct console *c, const struct field *f, const char *open, const char *close)
{
	bool keys = f->type == VAL_OBJECT;
	size_t n = keys ? f->len : MIN(f->len, (uint32_t)ARRAY_MAX);

	fputs(open, c->mem);
	for (size_t i = 0; i < n; i++) {
		if (i)
			fputc(' ', c->mem);
		if (keys)
			put_name(c, &f->list[i]);
		put_value(c, &f->list[i]);
	}
	if (n < f->len)
		fprintf(c->mem, " and %zu more", f->len - n);
	fputs(close, c->mem);
}

static void put_value(struct console *c, const struct field *f)
{
	char buf[MAX(HUMAN_MAX, JSON_FLOAT_MAX)];

	switch ((enum val_type)f->type) {
	case VAL_U64:
		fprintf(c->mem, "%" PRIu64, f->u);
		break;
	case VAL_S64:
		fprintf(c->mem, "%" PRId64, f->s);
		break;
	case VAL_HEX64:
		fprintf(c->mem, "%016" PRIx64, f->u);
		break;
	case VAL_NS:
		fputs(human_ns(buf, f->u), c->mem);
		break;
	case VAL_TIME:
		put_time(c, f->u);
		break;
	case VAL_STR:
		put_text(c, f->str, f->len);
		break;
	case VAL_FLOAT:
		json_float_text(buf, f->d);
		fputs(buf, c->mem);
		break;
	case VAL_NULL:
		fputs("null", c->mem);
		break;
	case VAL_BOOL:
		fputs(f->u ? "true" : "false", c->mem);
		break;
	case VAL_OBJECT:
		put_list(c, f, "{", "}");
		break;
	case VAL_ARRAY:
		put_list(c, f, "[", "]");
		break;
	case VAL_UNAVAIL:
		fputs("unavailable:", c->mem);
		put_text(c, f->str, f->len);
		break;
	}
}

static const struct field *member(const struct field *object, enum record_key key)
{
	for (uint32_t i = 0; object->type == VAL_OBJECT && i < object->len; i++)
		if (object->list[i].key == key && object->list[i].type == VAL_STR)
			return &object->list[i];
	return NULL;
}

/* A traceback, a frame a line. */
static void put_stack(struct console *c, const struct field *stack)
{
	for (uint32_t i = 0; stack->type == VAL_ARRAY && i < stack->len; i++) {
		const struct field *frame = &stack->list[i], *function = member(frame, K_FUNCTION);
		const struct field *file = member(frame, K_FILE), *module = member(frame, K_MODULE);

		fprintf(c->mem, "\n%19sat ", "");
		if (function)
			human_text(c->mem, function->str, function->len);
		for (uint32_t k = 0; frame->type == VAL_OBJECT && k < frame->len; k++)
			if (!function && frame->list[k].key == K_OFFSET)
				fprintf(c->mem, "0x%" PRIx64, frame->list[k].u);
		begin_colour(c, "2");
		if (file || module)
			fputs("  ", c->mem);
		if (file || module)
			human_text(c->mem, (file ? file : module)->str, (file ? file : module)->len);
		for (uint32_t k = 0; file && k < frame->len; k++)
			if (frame->list[k].key == K_LINE)
				fprintf(c->mem, ":%" PRIu64, frame->list[k].u);
		end_colour(c);
	}
}

static void put_rest(struct console *c, const struct record *r, const uint16_t *shown, size_t n)
{
	for (unsigned i = 0; i < r->n; i++) {
		size_t k = 0;

		while (k < n && shown[k] != r->f[i].key)
			k++;
		if (k < n || (r->f[i].key == K_STACK && r->f[i].type == VAL_ARRAY))
			continue;
		fputs("  ", c->mem);
		begin_colour(c, "2");
		put_name(c, &r->f[i]);
		end_colour(c);
		put_value(c, &r->f[i]);
	}
	if (record_find(r, K_STACK))
		put_stack(c, record_find(r, K_STACK));
}

static uint64_t number(const struct record *r, enum record_key key)
{
	const struct field *f = record_find(r, key);

	return f ? f->u : 0;
}

static void put_thread(struct console *c, const struct record *r)
{
	char buf[48];

	snprintf(buf, sizeof(buf), "%" PRIu64 "/%" PRIu64, number(r, K_PID), number(r, K_TID));
	begin_colour(c, "2");
	fprintf(c->mem, "  %-15s", buf);
	end_colour(c);
}

static const char *duration_colour(uint64_t ns)
{
	return ns >= 1000000000u ? "1;31" : ns >= 10000000u ? "31" : ns >= 100000u ? "33" : "32";
}

static void put_columns(struct console *c, const struct record *r, const struct field *function,
			uint64_t ns)
{
	static const uint16_t shown[] = { K_TS, K_DURATION, K_PID, K_TID, K_COMM, K_FUNCTION,
					  K_MODULE, K_EXIT, K_ID, K_PARENT, K_DEPTH };
	const struct field *exit = record_find(r, K_EXIT);
	char buf[HUMAN_MAX];

	begin_colour(c, duration_colour(ns));
	fprintf(c->mem, "  %9s", human_ns(buf, ns));
	end_colour(c);
	put_thread(c, r);
	fprintf(c->mem, "  %*s", (int)(2 * MIN(number(r, K_DEPTH), (uint64_t)INDENT_MAX)), "");
	human_text(c->mem, function->str, function->len);
	if (exit && !(exit->len == 6 && !memcmp(exit->str, "return", 6))) {
		fputs("  ", c->mem);
		begin_colour(c, "1;35");
		human_text(c->mem, exit->str, exit->len);
		end_colour(c);
	}
	put_rest(c, r, shown, ARRAY_SIZE(shown));
}

static void put_plain(struct console *c, const struct record *r)
{
	static const uint16_t shown[] = { K_TS };

	fputs("  ", c->mem);
	begin_colour(c, r->rank == RANK_LOSS ? "1;31" : "1");
	human_text(c->mem, r->type, strlen(r->type));
	end_colour(c);
	put_rest(c, r, shown, ARRAY_SIZE(shown));
}

static int console_render(struct text *t, const struct record *r, const char **line, size_t *len)
{
	struct console *c = (struct console *)t;
	const struct field *ts = record_find(r, K_TS), *function = record_find(r, K_FUNCTION);
	const struct field *duration = record_find(r, K_DURATION);

	rewind(c->mem);
	begin_colour(c, "2");
	if (ts && ts->type == VAL_TIME)
		put_time(c, ts->u);
	else
		fprintf(c->mem, "%15s", "");
	end_colour(c);
	if (duration && duration->type == VAL_NS && function && function->type == VAL_STR)
		put_columns(c, r, function, duration->u);
	else
		put_plain(c, r);
	fputc('\n', c->mem);
	if (fflush(c->mem) || ferror(c->mem))
		return -ENOMEM;
	*line = c->p;
	*len = (size_t)ftello(c->mem);
	return 0;
}

static void console_close(struct sink *s)
{
	struct console *c = (struct console *)s;

	if (!c)
		return;
	text_close(&c->text);
	fclose(c->mem);
	free(c->p);
	free(c);
}

static int console_open(struct sink **ret, const struct sink_conf *conf)
{
	AUTO_FREE struct console *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->text.sink.ops = &sink_console;
	c->text.render = console_render;
	c->colour = conf->colour;
	err = text_open(&c->text, conf);
	if (err)
		return err;
	c->mem = open_memstream(&c->p, &c->len);
	if (!c->mem) {
		text_close(&c->text);
		return -ENOMEM;
	}
	*ret = &util_steal(&c)->text.sink;
	return 0;
}

const struct sink_ops sink_console = {
	.name = "console",
	.open = console_open,
	.write = text_write,
	.flush = text_flush,
	.lost = text_lost,
	.close = console_close,
};
