/* SPDX-License-Identifier: MIT */
/* proto_test.c: proto_check() takes whole blocks, and none with anything wrong in it. */
#include <criterion/criterion.h>

#include "proto_print.h"
#include "target/proto_build.h"

TestSuite(proto, .timeout = 60);

enum { INT, PAIR, LIST_T, LIST_PTR, COLOUR, TEXT, VOID_PTR, TYPES };

/* struct list f(struct point { int x, y : 24; } p, struct list { void *p; struct point at; } *l, enum c, int t[2]) */
static struct proto *sample(void)
{
	struct proto_build *b = proto_build_new();
	struct proto head = { .lang = LANG_C, .result = LIST_T };
	struct member point[2] = { { .type = INT },
				   { .type = INT, .offset = 4, .bit_offset = 8, .bit_size = 24 } };
	struct member list[2] = { { .type = VOID_PTR }, { .type = PAIR, .offset = 8 } };
	struct member colour[2] = { { .type = PROTO_NO_TYPE, .value = -1 },
				    { .type = PROTO_NO_TYPE, .value = 1 } };
	struct piece piece[3] = { { .kind = PIECE_REG, .reg = 7, .size = 4 },
				  { .kind = PIECE_CFA, .value = 8, .size = 4 },
				  { .kind = PIECE_CONST, .value = -5 } };
	struct proto *p;

	head.name = proto_build_string(b, "f", 1);
	proto_build_type(b, &(struct type){ .kind = TYPE_INT, .size = 4, .inner = PROTO_NO_TYPE });
	proto_build_type(b, &(struct type){ .kind = TYPE_STRUCT,
					    .size = 8,
					    .inner = PROTO_NO_TYPE,
					    .nmembers = 2,
					    .member = proto_build_members(b, point, 2),
					    .name = proto_build_string(b, "point", 5) });
	proto_build_type(b, &(struct type){ .kind = TYPE_STRUCT,
					    .size = 16,
					    .inner = PROTO_NO_TYPE,
					    .nmembers = 2,
					    .member = proto_build_members(b, list, 2) });
	proto_build_type(b, &(struct type){ .kind = TYPE_POINTER, .size = 8, .inner = LIST_T });
	proto_build_type(b, &(struct type){ .kind = TYPE_ENUM,
					    .size = 4,
					    .inner = INT,
					    .nmembers = 2,
					    .member = proto_build_members(b, colour, 2) });
	proto_build_type(b,
			 &(struct type){ .kind = TYPE_ARRAY, .size = 8, .count = 2, .inner = INT });
	proto_build_type(b,
			 &(struct type){ .kind = TYPE_POINTER, .size = 8, .inner = PROTO_NO_TYPE });
	proto_build_pieces(b, piece, 3);
	proto_build_param(b, &(struct param){ .type = PAIR, .npieces = 2 });
	proto_build_param(b, &(struct param){ .type = LIST_PTR, .piece = 2, .npieces = 1 });
	proto_build_param(b, &(struct param){ .type = COLOUR });
	proto_build_param(b, &(struct param){ .type = TEXT });
	cr_assert_eq(proto_build_finish(b, &head, &p), 0);
	proto_build_free(b);
	return p;
}

/* The same arrays, but writable. */
struct parts {
	struct proto *p;
	struct param *param;
	struct type *type;
	struct member *member;
	struct piece *piece;
	char *string;
};

static struct parts parts_of(struct proto *p)
{
	struct parts s = { .p = p };

	s.param = (struct param *)(p + 1);
	s.type = (struct type *)(s.param + p->nparams);
	s.member = (struct member *)(s.type + p->ntypes);
	s.piece = (struct piece *)(s.member + p->nmembers);
	s.string = (char *)(s.piece + p->npieces);
	return s;
}

#define POINT "struct point{i4@0; i4@4.8:24}8"
#define LIST  "struct{void*@0; " POINT "@8}16"

Test(proto, whole)
{
	AUTO_FREE struct proto *p = sample();
	AUTO_FREE char *text = NULL;
	struct proto_view v;

	cr_assert_eq(proto_check(p, p->bytes, &v), 0);
	text = proto_print(&v, true);
	cr_expect_str_eq(text,
			 LIST " f(" POINT "<7:4 cfa+8:4>, " LIST "*<=-5>, enum{=-1; =1}4, i4[2])",
			 "%s", text);
}

#define WRONG(X)                                                             \
	X(s.p->bytes--)                                                      \
	X(s.p->bytes++)                                                      \
	X(s.p->nparams--)                                                    \
	X(s.p->nparams = 65)                                                 \
	X(s.p->ntypes = UINT32_MAX)                                          \
	X(s.p->nmembers++)                                                   \
	X(s.p->npieces = 0)                                                  \
	X(s.p->nstrings = 0)                                                 \
	X(s.p->nstrings++)                                                   \
	X(s.p->lang = LANG_GO + 1)                                           \
	X(s.p->flags = 128)                                                  \
	X(s.p->name = s.p->nstrings)                                         \
	X(s.p->result = TYPES)                                               \
	X(s.string[0] = 'x')                                                 \
	X(s.string[s.p->nstrings - 1] = 'x')                                 \
	X(s.param[0].name = s.p->nstrings)                                   \
	X(s.param[0].type = TYPES)                                           \
	X(s.param[0].type = PROTO_NO_TYPE)                                   \
	X(s.param[0].npieces = 4)                                            \
	X(s.param[0].piece = UINT32_MAX)                                     \
	X(s.param[0].piece = 4)                                              \
	X(s.piece[0].kind = PIECE_GONE + 1)                                  \
	X(s.piece[0].reg = 16)                                               \
	X(s.piece[1].value = 1ll << 32)                                      \
	X(s.type[INT].kind = TYPE_UNKNOWN + 1)                               \
	X(s.type[INT].size = 3)                                              \
	X(s.type[INT].size = 0)                                              \
	X(s.type[INT].size = 1ull << 60)                                     \
	X(s.type[INT].flags = 128)                                           \
	X(s.type[INT].name = UINT32_MAX)                                     \
	X(s.type[INT].inner = TYPES)                                         \
	X(s.type[INT].nmembers = 1)                                          \
	X(s.type[INT].align = 3)                                             \
	X(s.type[PAIR].size = 7)                                             \
	X(s.type[PAIR].size = UINT64_MAX)                                    \
	X(s.type[PAIR].member = 5)                                           \
	X(s.type[PAIR].member = UINT32_MAX)                                  \
	X(s.type[PAIR].nmembers = 7)                                         \
	X(s.type[LIST_T].member = 1)                                         \
	X(s.type[LIST_PTR].size = 4)                                         \
	X(s.type[LIST_PTR].inner = TYPES)                                    \
	X(s.type[COLOUR].inner = PROTO_NO_TYPE)                              \
	X(s.type[COLOUR].inner = PAIR)                                       \
	X(s.type[COLOUR].size = 8)                                           \
	X(s.type[TEXT].inner = PROTO_NO_TYPE)                                \
	X(s.type[TEXT].count = 3)                                            \
	X(s.type[TEXT].count = 1ull << 63)                                   \
	X((s.type[TEXT].flags = TYPE_F_COUNTED, s.type[TEXT].count = 4))     \
	X(s.type[TEXT].inner = TEXT)                                         \
	X(s.member[0].type = TYPES)                                          \
	X(s.member[0].type = PROTO_NO_TYPE)                                  \
	X(s.member[0].name = s.p->nstrings)                                  \
	X(s.member[0].offset = 5)                                            \
	X(s.member[0].offset = UINT64_MAX)                                   \
	X(s.member[0].flags = 8)                                             \
	X(s.member[1].bit_size = 129)                                        \
	X(s.member[1].bit_size = 25)                                         \
	X(s.member[1].bit_offset = 9)                                        \
	X(s.member[1].offset = UINT64_MAX / 8)                               \
	X((s.member[1].type = LIST_T, s.member[1].offset = 0))               \
	X(s.member[3].type = LIST_T)                                         \
	X((s.member[2].type = LIST_T, s.member[2].flags = MEMBER_F_VIRTUAL)) \
	X(s.type[LIST_T].kind = TYPE_POINTER)

Test(proto, wrong)
{
	static const char *const text[] = {
#define X(code) #code,
		WRONG(X)
#undef X
	};

	for (size_t i = 0; i < ARRAY_SIZE(text); i++) {
		AUTO_FREE struct proto *p = sample();
		struct parts s = parts_of(p);
		struct proto_view v;
		uint32_t bytes = p->bytes;
		size_t at = 0;

#define X(code)          \
	if (at++ == i) { \
		code;    \
	}
		WRONG(X)
#undef X
		cr_expect_eq(proto_check(p, bytes, &v), -EBADMSG, "%s", text[i]);
	}
}

Test(proto, cut_off)
{
	AUTO_FREE struct proto *p = sample();
	AUTO_FREE char *shifted = malloc(p->bytes + 8);
	struct proto_view v;

	for (uint32_t n = 0; n < p->bytes; n++)
		cr_expect_eq(proto_check(p, n, &v), -EBADMSG, "%u bytes", n);
	memcpy(shifted + 4, p, p->bytes);
	cr_expect_eq(proto_check(shifted + 4, p->bytes, &v), -EBADMSG, "not aligned");
}

/* n structs, each with two of the next, all at the same place: fine as a graph, but only so deep. */
static int check_nested(size_t n, bool closed)
{
	struct proto_build *b = proto_build_new();
	AUTO_FREE struct proto *p = NULL;
	struct proto_view v;

	for (size_t i = 0; i < n; i++) {
		struct member m[2] = { { .type = (uint32_t)i + 1 }, { .type = (uint32_t)i + 1 } };

		if (i + 1 == n)
			m[0].type = m[1].type = 0;
		proto_build_type(b, &(struct type){ .kind = TYPE_UNION,
						    .size = 8,
						    .inner = PROTO_NO_TYPE,
						    .nmembers = i + 1 < n || closed ? 2 : 0,
						    .member = proto_build_members(b, m, 2) });
	}
	cr_assert_eq(proto_build_finish(b, &(struct proto){ .result = 0 }, &p), 0);
	proto_build_free(b);
	return proto_check(p, p->bytes, &v);
}

Test(proto, nesting)
{
	cr_expect_eq(check_nested(60, false), 0);
	cr_expect_eq(check_nested(60, true), -EBADMSG, "holds itself, 60 steps on");
	cr_expect_eq(check_nested(1, true), -EBADMSG);
	cr_expect_eq(check_nested(5000, false), -EBADMSG, "too deep");
}

/* From the deepest up, so that none is walked twice: how deep they are must be known all the same. */
Test(proto, nesting_upwards)
{
	struct proto_build *b = proto_build_new();
	AUTO_FREE struct proto *p = NULL;
	struct proto_view v;

	proto_build_type(b,
			 &(struct type){ .kind = TYPE_STRUCT, .size = 8, .inner = PROTO_NO_TYPE });
	for (uint32_t i = 1; i < 1000; i++)
		proto_build_type(
			b, &(struct type){ .kind = TYPE_STRUCT,
					   .size = 8,
					   .inner = PROTO_NO_TYPE,
					   .nmembers = 1,
					   .member = proto_build_members(
						   b, &(struct member){ .type = i - 1 }, 1) });
	cr_assert_eq(proto_build_finish(b, &(struct proto){ .result = PROTO_NO_TYPE }, &p), 0);
	proto_build_free(b);
	cr_expect_eq(proto_check(p, p->bytes, &v), -EBADMSG);
}
