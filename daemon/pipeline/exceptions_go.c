/* SPDX-License-Identifier: MIT */
/*
 * exceptions_go.c: Go's panics. Their value is an interface: by the name of its type it is known how it lies in memory, and what
 * the runtime would print. A method of another type would have to be called.
 */
#include <inttypes.h>

#include "format/json.h"
#include "pipeline/exceptions_priv.h"

enum form {
	FORM_TEXT,    /* a string first: the text is known */
	FORM_FIXED,   /* always the same */
	FORM_SIGNED,
	FORM_UNSIGNED,
	FORM_FLOAT,
	FORM_BOOL,
	FORM_BOUNDS,  /* runtime.boundsError */
	FORM_ASSERT,  /* *runtime.TypeAssertionError */
};

#define RUNTIME_ERROR "runtime error: "

static const struct {
	const char *type;
	enum form form;
	uint8_t size;
	const char *text; /* in front, or all */
} forms[] = {
	{ "string", FORM_TEXT, 0, "" },
	{ "*errors.errorString", FORM_TEXT, 0, "" },
	{ "*fmt.wrapError", FORM_TEXT, 0, "" },
	{ "*fmt.wrapErrors", FORM_TEXT, 0, "" },
	{ "runtime.plainError", FORM_TEXT, 0, "" },
	{ "runtime.errorString", FORM_TEXT, 0, RUNTIME_ERROR },
	{ "runtime.errorAddressString", FORM_TEXT, 16, RUNTIME_ERROR },
	{ "runtime.boundsError", FORM_BOUNDS, 0, RUNTIME_ERROR },
	{ "*runtime.TypeAssertionError", FORM_ASSERT, 0, "interface conversion: " },
	{ "*runtime.PanicNilError", FORM_FIXED, 0,
	  "panic called with nil argument (use GODEBUG=panicnil=1 to disable)" },
	{ "bool", FORM_BOOL, 1, NULL },
	{ "int", FORM_SIGNED, 8, NULL },
	{ "int8", FORM_SIGNED, 1, NULL },
	{ "int16", FORM_SIGNED, 2, NULL },
	{ "int32", FORM_SIGNED, 4, NULL },
	{ "int64", FORM_SIGNED, 8, NULL },
	{ "uint", FORM_UNSIGNED, 8, NULL },
	{ "uint8", FORM_UNSIGNED, 1, NULL },
	{ "uint16", FORM_UNSIGNED, 2, NULL },
	{ "uint32", FORM_UNSIGNED, 4, NULL },
	{ "uint64", FORM_UNSIGNED, 8, NULL },
	{ "uintptr", FORM_UNSIGNED, 8, NULL },
	{ "float32", FORM_FLOAT, 4, NULL },
	{ "float64", FORM_FLOAT, 8, NULL },
};

/*
 * Texts of runtime.boundsError by its code, x and y in the places of %x and %y; negative: when x is. The last code, of a slice
 * converted to an array, is worded differently before and since Go 1.20.
 */
static const struct {
	const char *text, *negative;
} bounds[] = {
	{ "index out of range [%x] with length %y", "index out of range [%x]" },
	{ "slice bounds out of range [:%x] with length %y", "slice bounds out of range [:%x]" },
	{ "slice bounds out of range [:%x] with capacity %y", "slice bounds out of range [:%x]" },
	{ "slice bounds out of range [%x:%y]", "slice bounds out of range [%x:]" },
	{ "slice bounds out of range [::%x] with length %y", "slice bounds out of range [::%x]" },
	{ "slice bounds out of range [::%x] with capacity %y", "slice bounds out of range [::%x]" },
	{ "slice bounds out of range [:%x:%y]", "slice bounds out of range [:%x:]" },
	{ "slice bounds out of range [%x:%y:]", "slice bounds out of range [%x::]" },
};

static const struct name_rule runtime[] = {
	{ "runtime.*", NULL },
	{ "runtime/*", NULL },
	{ "internal/runtime/*", NULL },
};

static uint64_t word(const struct ev_throw *e, size_t at)
{
	uint64_t v;

	memcpy(&v, e->raw + at, sizeof(v));
	return v;
}

/* type boundsError struct { x int64; y int; signed bool; code uint8 } */
static int tell_bounds(const struct ev_throw *e, struct exception *ex)
{
	int64_t x = (int64_t)word(e, 0), y = (int64_t)word(e, 8);
	bool sign = e->raw[16];
	unsigned code = e->raw[17];
	char buf[160];
	size_t n;

	if (code >= ARRAY_SIZE(bounds)) {
		ex->no_message = "error_method";
		return 0;
	}
	n = (size_t)snprintf(buf, sizeof(buf), RUNTIME_ERROR);
	for (const char *s = sign && x < 0 ? bounds[code].negative : bounds[code].text; *s; s++) {
		if (*s != '%') {
			buf[n++] = *s;
			continue;
		}
		s++;
		if (*s == 'x' && !sign)
			n += (size_t)snprintf(buf + n, sizeof(buf) - n, "%" PRIu64, (uint64_t)x);
		else
			n += (size_t)snprintf(buf + n, sizeof(buf) - n, "%" PRId64, *s == 'x' ? x : y);
	}
	return exception_set_message(ex, buf, n);
}

/* type TypeAssertionError struct { _interface, concrete, asserted *_type; missingMethod string } */
static int tell_assert(const struct resolver *res, const struct ev_throw *e, struct exception *ex)
{
	char *names[3] = { NULL }, *text = NULL;
	const char *name;
	int n = 0, err = 0;

	ex->no_message = "error_method";
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		name = word(e, 8 * i) ? res->go_type(res->arg, e->h.pid, word(e, 8 * i)) : "";
		names[i] = name ? strdup(name) : NULL;
	}
	/* Which method is missing is not at hand; types of one name are told apart by their packages. */
	if (names[0] && names[1] && names[2] && *names[2] && !word(e, 32) && strcmp(names[1], names[2]))
		n = asprintf(&text, "interface conversion: %s is %s, not %s", *names[0] ? names[0] : "interface",
			     *names[1] ? names[1] : "nil", names[2]);
	if (n < 0)
		err = -ENOMEM;
	else if (n)
		err = exception_set_message(ex, text, (size_t)n);
	if (n > 0)
		free(text);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		free(names[i]);
	return err;
}

static int tell_number(const struct ev_throw *e, enum form form, unsigned size, struct exception *ex)
{
	struct field *v = &ex->value;
	unsigned spare = 64 - 8 * size;
	char buf[MAX(JSON_FLOAT_MAX, 24)];
	float f;
	size_t n;

	*v = (struct field){ .key = K_VALUE, .type = VAL_U64, .u = word(e, 0) << spare >> spare };
	switch (form) {
	case FORM_BOOL:
		v->type = VAL_BOOL;
		n = (size_t)snprintf(buf, sizeof(buf), "%s", v->u ? "true" : "false");
		break;
	case FORM_SIGNED:
		v->type = VAL_S64;
		v->s = (int64_t)(v->u << spare) >> spare;
		n = (size_t)snprintf(buf, sizeof(buf), "%" PRId64, v->s);
		break;
	case FORM_FLOAT:
		v->type = VAL_FLOAT;
		memcpy(&f, e->raw, sizeof(f));
		if (size == sizeof(f))
			v->d = f;
		n = json_float_text(buf, v->d);
		break;
	default:
		n = (size_t)snprintf(buf, sizeof(buf), "%" PRIu64, v->u);
	}
	return exception_set_message(ex, buf, n);
}

static int tell_value(const struct resolver *res, const struct ev_throw *e, size_t i, struct exception *ex)
{
	switch (forms[i].form) {
	case FORM_TEXT:
		if (forms[i].size) { /* what follows the string: the address */
			ex->has_address = true;
			ex->address = word(e, forms[i].size);
		}
		if (word(e, 8) && !e->text_len) { /* its length */
			ex->no_message = "read_fault";
			return 0;
		}
		return exception_set_text(ex, e, forms[i].text, e->text_len);
	case FORM_FIXED:
		return exception_set_message(ex, forms[i].text, strlen(forms[i].text));
	case FORM_BOUNDS:
		return tell_bounds(e, ex);
	case FORM_ASSERT:
		return tell_assert(res, e, ex);
	default:
		return tell_number(e, forms[i].form, forms[i].size, ex);
	}
}

static int tell_go(const struct resolver *res, const struct ev_throw *e, struct exception *ex)
{
	const char *type = e->type ? res->go_type(res->arg, e->h.pid, e->type) : "nil";
	int err;

	if (!type) {
		ex->no_type = ex->no_message = "no_type";
		return 0;
	}
	err = exception_set_type(ex, type);
	if (err)
		return err;
	if (!e->type)
		return exception_set_message(ex, "nil", 3);
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (!strcmp(ex->type, forms[i].type))
			return tell_value(res, e, i, ex);
	ex->no_message = "error_method";
	return 0;
}

const struct language language_go = {
	.name = "go",
	.tell = tell_go,
	.runtime = runtime,
	.nruntime = ARRAY_SIZE(runtime),
};
