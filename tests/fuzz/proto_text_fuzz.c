/* SPDX-License-Identifier: MIT */
/*
 * proto_text_fuzz.c: any text as an argument of -f: told from a pattern, parsed, and what was made of it checked. What is
 * refused must say why in one line, with a column in the text.
 */
#include <stdlib.h>
#include "probe/proto_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_message(const char *text, const char *why)
{
	size_t column = 0;

	if (sscanf(why, "column %zu: ", &column) != 1 || !column || column > strlen(text) + 1 || strchr(why, '\n'))
		abort();
	if (strlen(why) >= PROTO_TEXT_WHY)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[PROTO_TEXT_WHY] = "", *pattern = NULL;
	char *text = strndup((const char *)data, size);
	struct proto *p = NULL;
	struct proto_view v;
	const char *proto;
	int err;

	if (!text || proto_text_split(text, &pattern, &proto))
		abort();
	if (strlen(pattern) > strlen(text) || (proto && proto != text) || (!proto && strcmp(pattern, text)))
		abort();
	err = proto_text_parse(text, &p, why);
	if (!err && proto_check(p, p->bytes, &v))
		abort();
	if (err == -EINVAL)
		check_message(text, why);
	else if (err)
		abort();
	libc_prototype("libc.so.6", text);
	free(p);
	free(pattern);
	free(text);
	return 0;
}
