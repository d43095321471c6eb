/* SPDX-License-Identifier: MIT */
/* exceptions_record.c: what is known of an exception becomes a record; see exceptions.h. */
#include <inttypes.h>

#include "pipeline/exceptions_priv.h"

const char *outcome_name(enum outcome how)
{
	static const char *const names[] = {
#define X(id, name) [id] = name,
		EXCEPTION_OUTCOMES(X)
#undef X
	};

	return names[how];
}

static bool rule_matches(const char *function, const struct name_rule *rule)
{
	size_t n = strlen(rule->prefix);
	bool open = n && rule->prefix[n - 1] == '*';

	n -= open;
	if (strncmp(function, rule->prefix, n))
		return false;
	if (rule->part)
		return strstr(function + n, rule->part);
	/* Behind a name come parameters, template arguments, or the tag of an ABI. */
	return open || !function[n] || strchr("(<[@", function[n]);
}

bool name_matches(const char *function, const struct name_rule *rules, size_t n)
{
	for (size_t i = 0; function && i < n; i++)
		if (rule_matches(function, &rules[i]))
			return true;
	return false;
}

int exception_set_type(struct exception *ex, const char *type)
{
	ex->type = strdup(type);
	return ex->type ? 0 : -ENOMEM;
}

int exception_set_message(struct exception *ex, const char *s, size_t len)
{
	char *copy = malloc(len + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, s, len);
	copy[len] = '\0';
	free(ex->message);
	ex->message = copy;
	ex->message_len = len;
	ex->message_all = MAX(ex->message_all, (uint64_t)len);
	return 0;
}

int exception_set_text(struct exception *ex, const struct ev_throw *e, const char *prefix, size_t len)
{
	char buf[64 + THROW_TEXT];
	size_t n = MIN(strlen(prefix), sizeof(buf) - THROW_TEXT);

	len = MIN(len, sizeof(e->text));
	if (!len && e->text_all) {
		ex->no_message = "read_fault";
		return 0;
	}
	memcpy(buf, prefix, n);
	memcpy(buf + n, e->text, len);
	if (e->text_all > e->text_len)
		ex->message_all = e->text_all > UINT64_MAX - n ? UINT64_MAX : e->text_all + n;
	return exception_set_message(ex, buf, n + len);
}

static struct field text_field(enum record_key key, enum val_type type, const char *s, size_t len)
{
	return (struct field){ .key = key, .type = type, .len = (uint32_t)len, .str = s };
}

static void put(struct record *r, struct field f)
{
	record_val(r, f.key, f.type, 0);
	r->f[r->n - 1] = f;
}

static void put_text(struct record *r, enum record_key key, const char *s)
{
	record_str(r, key, s, strlen(s));
}

static void put_why(struct record *r, enum record_key key, const char *why)
{
	put(r, text_field(key, VAL_UNAVAIL, why, strlen(why)));
}

static void put_message(const struct exception *ex, struct exception_record *mem)
{
	struct field *f = mem->message;
	struct record *r = &mem->r;

	if (!ex->message) {
		if (ex->no_message)
			put_why(r, K_MESSAGE, ex->no_message);
		return;
	}
	if (ex->message_all <= ex->message_len) {
		record_str(r, K_MESSAGE, ex->message, ex->message_len);
		return;
	}
	f[0] = text_field(K_VALUE, VAL_STR, ex->message, ex->message_len);
	f[1] = (struct field){ .key = K_TRUNCATED, .type = VAL_BOOL, .u = 1 };
	f[2] = (struct field){ .key = K_LENGTH, .type = VAL_U64, .u = ex->message_all };
	record_list(r, K_MESSAGE, VAL_OBJECT, f, ARRAY_SIZE(mem->message) - (ex->message_all == UINT64_MAX));
}

static void put_id(const struct decoder *d, struct record *r, enum record_key key, uint64_t id)
{
	if (id)
		record_val(r, key, VAL_HEX64, id ^ d->salt);
}

static void put_place(struct record *r, enum record_key key, const struct resolved *at, struct field f[FRAME_FIELDS])
{
	if (at)
		record_list(r, key, VAL_OBJECT, f, frame_fields(at, f));
}

static void put_head(const struct decoder *d, const struct exception *ex, struct record *r)
{
	record_val(r, K_TS, VAL_TIME, clock_map_wall(&d->clock, ex->ts_ns));
	record_u64(r, K_PID, ex->pid);
	record_u64(r, K_TID, ex->tid);
	record_str(r, K_COMM, ex->comm, strnlen(ex->comm, sizeof(ex->comm)));
	put_id(d, r, K_ID, ex->id);
	put_id(d, r, K_CALL, ex->call);
	put_text(r, K_LANGUAGE, ex->language->name);
	if (ex->type)
		put_text(r, K_EXC_TYPE, ex->type);
	else
		put_why(r, K_EXC_TYPE, ex->no_type);
}

void exception_record(const struct decoder *d, const struct exception *ex, enum outcome how, const struct resolved *at,
		      struct exception_record *mem)
{
	const struct frames *fr = ex->frames;
	struct record *r = &mem->r;

	r->type = "exception";
	r->rank = RANK_EVENT;
	r->n = 0;
	put_head(d, ex, r);
	put_message(ex, mem);
	if (ex->value.key)
		put(r, ex->value);
	put_text(r, K_OUTCOME, outcome_name(how));
	if (ex->rethrown)
		record_val(r, K_RETHROWN, VAL_BOOL, 1);
	put_id(d, r, K_RETHROWS, ex->rethrows);
	if (ex->signal)
		record_s64(r, K_SIGNAL, ex->signal);
	if (ex->has_address) {
		snprintf(mem->address, sizeof(mem->address), "0x%" PRIx64, ex->address);
		put_text(r, K_ADDRESS, mem->address);
	}
	put_id(d, r, K_EXIT_EXCEPTION, ex->cause);
	if (*ex->file)
		record_str(r, K_FILE, ex->file, strnlen(ex->file, sizeof(ex->file)));
	if (ex->line)
		record_u64(r, K_LINE, ex->line);
	put_place(r, K_THROWN, ex->thrown < fr->n ? &fr->v[ex->thrown] : NULL, mem->thrown);
	put_place(r, K_CAUGHT, at, mem->caught);
	frames_put(fr, ex->thrown, &mem->stack, r);
}
