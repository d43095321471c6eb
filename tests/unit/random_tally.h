/* SPDX-License-Identifier: MIT */
/*
 * random_tally.h: compares calls of functions made by tests/targets/random_protos.py with what these print of them, and counts.
 */
#ifndef TPD_RANDOM_TALLY_H
#define TPD_RANDOM_TALLY_H

#include <criterion/criterion.h>
#include <jansson.h>
#include "base/util.h"

struct tally {
	size_t equal, floats, registers, too_large, abi, wrong;
};

static inline const char *tally_why(json_t *j)
{
	return json_object_size(j) == 1 ? json_string_value(json_object_get(j, "unavailable")) : NULL;
}

static inline bool tally_is_real(json_t *j)
{
	json_t *item;
	size_t i;

	json_array_foreach(j, i, item)
		if (!tally_is_real(item))
			return false;
	return json_is_real(j) || json_array_size(j) || (json_is_string(j) && !strcmp(json_string_value(j), "nan"));
}

/* Only floating-point values may be out of reach, and what was too much. */
static inline bool tally_same(struct tally *t, json_t *got, json_t *want)
{
	const char *why = tally_why(got), *key;
	json_t *item;
	size_t i;

	if (why && !strcmp(why, "register") && tally_is_real(want))
		return ++t->registers;
	if (why && !strcmp(why, "too_large"))
		return ++t->too_large;
	/* Of __int128 and what stands behind it: compilers differ. */
	if (why && !strcmp(why, "abi"))
		return ++t->abi;
	if (json_is_real(want) && json_is_real(got)) {
		t->floats++;
		return json_real_value(want) == json_real_value(got) || (float)json_real_value(want) == (float)json_real_value(got);
	}
	if (json_is_object(want) && json_is_object(got)) {
		json_object_foreach(want, key, item)
			if (!tally_same(t, json_object_get(got, key), item))
				return false;
		return json_object_size(want) == json_object_size(got);
	}
	if (json_is_array(want) && json_is_array(got)) {
		json_array_foreach(want, i, item)
			if (!tally_same(t, json_array_get(got, i), item))
				return false;
		return json_array_size(want) == json_array_size(got);
	}
	t->equal++;
	return json_equal(got, want);
}

static inline void tally_call(struct tally *t, json_t *got, json_t *want)
{
	const char *function = json_string_value(json_object_get(want, "function"));
	static const char *const parts[] = { "args", "return" };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		json_t *g = json_object_get(got, parts[i]), *w = json_object_get(want, parts[i]);
		char *a, *b;

		if ((!g && !w) || (g && w && tally_same(t, g, w)))
			continue;
		a = g ? json_dumps(g, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
		b = w ? json_dumps(w, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
		if (t->wrong++ < 10)
			cr_log_error("%s %s\n  got  %s\n  want %s", function, parts[i], a ? a : "nothing", b ? b : "nothing");
		free(a);
		free(b);
	}
}

#endif
