/* SPDX-License-Identifier: MIT */
/* frames.c: frames kept for later, and as fields of a record; see frames.h. */
#include "pipeline/frames.h"

static size_t room_of(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

/* Frames of one stack share files and modules with their neighbours. */
static const char *keep(char **to, const char *s, const char *from, const char *kept)
{
	size_t n = room_of(s);

	if (!s || (from && !strcmp(s, from)))
		return s ? kept : NULL;
	memcpy(*to, s, n);
	*to += n;
	return *to - n;
}

struct frames *frames_copy(const struct resolved *v, size_t n, bool whole)
{
	static const struct resolved none;
	struct frames *fr;
	size_t bytes;
	char *to;

	whole = whole && n <= RESOLVE_FRAMES;
	n = MIN(n, (size_t)RESOLVE_FRAMES);
	bytes = sizeof(*fr) + n * sizeof(*v);
	for (size_t i = 0; i < n; i++)
		bytes += room_of(v[i].function) + room_of(v[i].symbol) + room_of(v[i].module) + room_of(v[i].file);
	fr = malloc(bytes);
	if (!fr)
		return NULL;
	fr->n = n;
	fr->whole = whole;
	to = (char *)&fr->v[n];
	for (size_t i = 0; i < n; i++) {
		const struct resolved *was = i ? &v[i - 1] : &none, *kept = i ? &fr->v[i - 1] : &none;

		fr->v[i] = v[i];
		fr->v[i].function = keep(&to, v[i].function, NULL, NULL);
		fr->v[i].symbol = keep(&to, v[i].symbol, NULL, NULL);
		fr->v[i].module = keep(&to, v[i].module, was->module, kept->module);
		fr->v[i].file = keep(&to, v[i].file, was->file, kept->file);
	}
	return fr;
}

static void put_text(struct field **f, enum record_key key, const char *s)
{
	if (s && *s)
		*(*f)++ = (struct field){ .key = key, .type = VAL_STR, .len = (uint32_t)strlen(s), .str = s };
}

size_t frame_fields(const struct resolved *r, struct field f[FRAME_FIELDS])
{
	struct field *to = f;

	put_text(&to, K_FUNCTION, r->function);
	put_text(&to, K_MODULE, r->module);
	*to++ = (struct field){ .key = K_OFFSET, .type = VAL_U64, .u = r->offset };
	put_text(&to, K_FILE, r->file);
	if (r->line)
		*to++ = (struct field){ .key = K_LINE, .type = VAL_U64, .u = r->line };
	if (r->inlined)
		*to++ = (struct field){ .key = K_INLINED, .type = VAL_BOOL, .u = 1 };
	return (size_t)(to - f);
}

void frames_put(const struct frames *fr, size_t from, struct frame_list *mem, struct record *r)
{
	size_t n = fr->n - MIN(from, fr->n);

	for (size_t i = 0; i < n; i++) {
		struct field *f = &mem->fields[i * FRAME_FIELDS];

		mem->list[i] = (struct field){ .type = VAL_OBJECT, .list = f,
					       .len = (uint32_t)frame_fields(&fr->v[from + i], f) };
	}
	record_list(r, K_STACK, VAL_ARRAY, mem->list, n);
	if (!fr->whole)
		record_val(r, K_WHOLE, VAL_BOOL, 0);
}
