/* SPDX-License-Identifier: MIT */
/* ndjson.c: one JSON object a line, as DESIGN.md section 7 and `tpd --schema` describe. */
#include "format/json.h"
#include "sink/text.h"

struct ndjson {
	struct text text;
	struct jbuf j;
};

static bool put_value(struct jbuf *j, const struct field *f);

static bool put_key(struct jbuf *j, const struct field *f)
{
	if (f->name)
		return json_name(j, f->name);
	json_key(j, field_name(f));
	return false;
}

static bool put_members(struct jbuf *j, const struct field *f, size_t n, bool keys)
{
	bool bad = false;

	for (size_t i = 0; i < n; i++) {
		if (keys)
			bad = put_key(j, &f[i]) || bad;
		bad = put_value(j, &f[i]) || bad;
	}
	return bad;
}

/* Returns true when bytes had to be replaced. */
static bool put_value(struct jbuf *j, const struct field *f)
{
	bool bad = false;

	switch ((enum val_type)f->type) {
	case VAL_U64:
	case VAL_NS:
		json_u64(j, f->u);
		break;
	case VAL_S64:
		json_s64(j, f->s);
		break;
	case VAL_HEX64:
		json_hex64(j, f->u);
		break;
	case VAL_TIME:
		json_time(j, f->u);
		break;
	case VAL_STR:
		bad = json_str(j, f->str, f->len);
		break;
	case VAL_FLOAT:
		json_float(j, f->d);
		break;
	case VAL_NULL:
		json_nil(j);
		break;
	case VAL_BOOL:
		json_bool(j, f->u);
		break;
	case VAL_OBJECT:
		json_obj_open(j);
		bad = put_members(j, f->list, f->len, true);
		json_obj_close(j);
		break;
	case VAL_ARRAY:
		json_arr_open(j);
		bad = put_members(j, f->list, f->len, false);
		json_arr_close(j);
		break;
	case VAL_UNAVAIL:
		json_obj_open(j);
		json_key(j, "unavailable");
		bad = json_str(j, f->str, f->len);
		json_obj_close(j);
		break;
	}
	return bad;
}

static int ndjson_render(struct text *t, const struct record *r, const char **line, size_t *len)
{
	struct jbuf *j = &((struct ndjson *)t)->j;

	json_reset(j);
	json_obj_open(j);
	json_key(j, "type");
	json_str(j, r->type, strlen(r->type));
	if (put_members(j, r->f, r->n, true)) {
		json_key(j, "invalid_utf8");
		json_bool(j, true);
	}
	json_obj_close(j);
	json_newline(j);
	*line = j->p;
	*len = j->len;
	return j->err;
}

static void ndjson_close(struct sink *s)
{
	struct ndjson *n = (struct ndjson *)s;

	if (!n)
		return;
	text_close(&n->text);
	json_free(&n->j);
	free(n);
}

static int ndjson_open(struct sink **ret, const struct sink_conf *conf)
{
	AUTO_FREE struct ndjson *n = calloc(1, sizeof(*n));
	int err;

	if (!n)
		return -ENOMEM;
	n->text.sink.ops = &sink_ndjson;
	n->text.render = ndjson_render;
	err = text_open(&n->text, conf);
	if (err)
		return err;
	*ret = &util_steal(&n)->text.sink;
	return 0;
}

const struct sink_ops sink_ndjson = {
	.name = "ndjson",
	.open = ndjson_open,
	.write = text_write,
	.flush = text_flush,
	.lost = text_lost,
	.close = ndjson_close,
};
