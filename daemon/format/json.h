/* SPDX-License-Identifier: MIT */
/* json.h: a JSON writer into a growing buffer. It cannot write anything that is not JSON. */
#ifndef TPD_JSON_H
#define TPD_JSON_H

#include "base/util.h"

/* All zero is an empty buffer. */
struct jbuf {
	char *p;
	size_t len, cap;
	int err;     /* -ENOMEM once growth failed; later calls do nothing */
	bool comma;  /* the next element needs one before it */
	/* The second that json_time wrote last, and its text: a stream's times share theirs. */
	uint64_t second;    /* since 1970, plus 1; 0: none yet */
	char date[24];
};

void json_free(struct jbuf *j);
/* Forget the contents, keep the memory. */
void json_reset(struct jbuf *j);

void json_obj_open(struct jbuf *j);
void json_obj_close(struct jbuf *j);
void json_arr_open(struct jbuf *j);
void json_arr_close(struct jbuf *j);
/* key: must be plain ASCII without quotes, a constant of the program. */
void json_key(struct jbuf *j, const char *key);
/* The same for any bytes, escaped as json_str does. Returns true when some were no UTF-8. */
bool json_name(struct jbuf *j, const char *name);
void json_u64(struct jbuf *j, uint64_t v); /* above 2^53 as a string */
void json_s64(struct jbuf *j, int64_t v);  /* below -2^53 and above 2^53 as a string */
void json_float(struct jbuf *j, double v); /* "nan", "inf" and "-inf" as strings: RFC 8259 has none */
void json_bool(struct jbuf *j, bool v);
void json_nil(struct jbuf *j); /* null; jansson, which the tests link, has a json_null */
void json_hex64(struct jbuf *j, uint64_t v); /* "00000000deadbeef" */
/* Any bytes: escaped, each invalid UTF-8 byte becomes \ufffd. Returns true when some did. */
bool json_str(struct jbuf *j, const char *s, size_t len);
/* Wall clock ns since 1970 as "2026-01-02T03:04:05.123456789Z". */
void json_time(struct jbuf *j, uint64_t ns);
/* The shortest decimal text that reads back as v; with a point or an exponent. Returns its length. */
#define JSON_FLOAT_MAX 32
size_t json_float_text(char buf[JSON_FLOAT_MAX], double v);
/* A newline after a finished value, for NDJSON; resets the comma. */
void json_newline(struct jbuf *j);

#endif
