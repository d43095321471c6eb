/* SPDX-License-Identifier: MIT */
/* record_test.c: building records. */
#include <criterion/criterion.h>
#include <signal.h>
#include "base/util.h"
#include "record.h"

static const struct {
	enum record_key key;
	const char *name;
} keys[] = {
#define X(id, name) { id, name },
	RECORD_KEYS(X)
#undef X
};

Test(record, keys_have_their_names)
{
	cr_assert_eq(ARRAY_SIZE(keys), RECORD_KEY_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		cr_expect_str_eq(record_key_name(keys[i].key), keys[i].name);
	cr_expect_str_eq(record_key_name(RECORD_KEY_MAX), "unknown");
	cr_expect_str_eq(record_key_name((enum record_key)-1), "unknown");
}

Test(record, a_field_may_bring_its_name)
{
	const struct field mine = { .name = "n", .key = K_PID }, usual = { .key = K_PID };
	struct record r = { .type = "call" };

	cr_expect_str_eq(field_name(&mine), "n");
	cr_expect_str_eq(field_name(&usual), "pid");
	record_add(&r, &mine);
	cr_expect(r.n == 1 && !strcmp(field_name(&r.f[0]), "n"));
}

Test(record, no_two_keys_share_a_name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		for (size_t k = 0; k < i; k++)
			cr_expect_str_neq(keys[i].name, keys[k].name);
}

Test(record, fields_keep_order_type_and_value)
{
	const struct field list[] = { { .key = K_OPEN, .type = VAL_U64, .u = 7 } };
	struct record r = { .type = "call" };

	record_u64(&r, K_PID, UINT64_MAX);
	record_s64(&r, K_STATUS, -5);
	record_val(&r, K_ID, VAL_HEX64, 0xabc);
	record_str(&r, K_COMM, "a\0b", 3);
	record_list(&r, K_RETURNS, VAL_OBJECT, list, 1);
	cr_assert_eq(r.n, 5);
	cr_expect(r.f[0].key == K_PID && r.f[0].type == VAL_U64 && r.f[0].u == UINT64_MAX);
	cr_expect(r.f[1].key == K_STATUS && r.f[1].type == VAL_S64 && r.f[1].s == -5);
	cr_expect(r.f[2].key == K_ID && r.f[2].type == VAL_HEX64 && r.f[2].u == 0xabc);
	cr_expect(r.f[3].key == K_COMM && r.f[3].type == VAL_STR && r.f[3].len == 3);
	cr_expect_arr_eq(r.f[3].str, "a\0b", 3);
	cr_expect(r.f[4].key == K_RETURNS && r.f[4].len == 1 && r.f[4].list == list);
	cr_expect_eq(record_find(&r, K_ID), &r.f[2]);
	cr_expect_null(record_find(&r, K_TS));
}

Test(record, is_full_at_its_bound)
{
	struct record r = { .type = "call" };

	for (unsigned i = 0; i < RECORD_FIELDS; i++)
		record_u64(&r, K_PID, i);
	cr_expect_eq(r.n, RECORD_FIELDS);
	cr_expect_eq(r.f[RECORD_FIELDS - 1].u, RECORD_FIELDS - 1);
}

Test(record, one_field_too_many_is_caught, .signal = SIGABRT)
{
	struct record r = { .type = "call" };

	for (unsigned i = 0; i <= RECORD_FIELDS; i++)
		record_u64(&r, K_PID, i);
}
