/* SPDX-License-Identifier: MIT */
/* sinks.c: all the sinks there are. */
#include <string.h>
#include "sink.h"

static const struct sink_ops *const sinks[] = {
	&sink_console,
	&sink_ndjson,
};

const struct sink_ops *sink_find(const char *name)
{
	for (size_t i = 0; i < sizeof(sinks) / sizeof(sinks[0]); i++)
		if (!strcmp(sinks[i]->name, name))
			return sinks[i];
	return NULL;
}
