/* SPDX-License-Identifier: MIT */
/* recorded.c: see recorded.h. */
#include "pipeline/recorded.h"
#include "base/util.h"

struct recorded {
	struct resolver resolver;
	const struct resolver *inner;
	struct stream_writer *to;
	const struct stream_reader *from;
};

static size_t stack(void *arg, uint32_t pid, const struct ev_place *at, const void *bytes, const struct resolved **ret, bool *whole)
{
	const struct resolver *inner = ((struct recorded *)arg)->inner;

	return inner->stack(inner->arg, pid, at, bytes, ret, whole);
}

static bool address(void *arg, uint32_t pid, uint64_t addr, bool exact, struct resolved *ret)
{
	const struct resolver *inner = ((struct recorded *)arg)->inner;

	return inner->address(inner->arg, pid, addr, exact, ret);
}

static const char *type_name(void *arg, const char *mangled)
{
	const struct resolver *inner = ((struct recorded *)arg)->inner;

	return inner->type_name(inner->arg, mangled);
}

static size_t memory(void *arg, uint32_t pid, uint64_t addr, void *buf, size_t n)
{
	const struct resolver *inner = ((struct recorded *)arg)->inner;

	return inner->bytes(inner->arg, pid, addr, buf, n);
}

static const char *go_type(void *arg, uint32_t pid, uint64_t type)
{
	struct recorded *r = arg;
	const char *name = r->from ? stream_go_type(r->from, pid, type) : NULL;

	if (name)
		return name;
	name = r->inner->go_type(r->inner->arg, pid, type);
	if (name && r->to)
		stream_write_go_type(r->to, pid, type, name);
	return name;
}

int recorded_new(struct recorded **ret, const struct resolver *inner, struct stream_writer *to, const struct stream_reader *from)
{
	struct recorded *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->inner = inner;
	r->to = to;
	r->from = from;
	r->resolver = (struct resolver){ r, stack, address, type_name, go_type, memory };
	*ret = r;
	return 0;
}

const struct resolver *recorded_resolver(const struct recorded *r)
{
	return &r->resolver;
}

void recorded_free(struct recorded *r)
{
	free(r);
}
