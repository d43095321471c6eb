/* SPDX-License-Identifier: MIT */
/* record.c: building and reading records, see record.h. */
#include <assert.h>
#include "base/util.h"
#include "record.h"

static const char *const key_names[] = {
#define X(id, name) [id] = name,
	RECORD_KEYS(X)
#undef X
};

const char *record_key_name(enum record_key key)
{
	return (size_t)key < ARRAY_SIZE(key_names) ? key_names[key] : "unknown";
}

const char *field_name(const struct field *f)
{
	return f->name ? f->name : record_key_name(f->key);
}

const struct field *record_find(const struct record *r, enum record_key key)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->f[i].key == key)
			return &r->f[i];
	return NULL;
}

static void append(struct record *r, struct field f)
{
	assert(r->n < RECORD_FIELDS);
	if (r->n < RECORD_FIELDS)
		r->f[r->n++] = f;
}

void record_add(struct record *r, const struct field *f)
{
	append(r, *f);
}

void record_u64(struct record *r, enum record_key key, uint64_t v)
{
	record_val(r, key, VAL_U64, v);
}

void record_s64(struct record *r, enum record_key key, int64_t v)
{
	append(r, (struct field){ .key = key, .type = VAL_S64, .s = v });
}

void record_val(struct record *r, enum record_key key, enum val_type type, uint64_t v)
{
	append(r, (struct field){ .key = key, .type = type, .u = v });
}

void record_str(struct record *r, enum record_key key, const char *s, size_t len)
{
	append(r, (struct field){ .key = key, .type = VAL_STR,
				  .len = (uint32_t)MIN(len, UINT32_MAX), .str = s });
}

void record_list(struct record *r, enum record_key key, enum val_type type,
		 const struct field *list, size_t n)
{
	append(r, (struct field){ .key = key, .type = type, .len = (uint32_t)n, .list = list });
}
