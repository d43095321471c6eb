/* SPDX-License-Identifier: MIT */
/*
 * pattern_fuzz.c: a pattern and a symbol's name, both arbitrary (the first byte tells where one
 * ends): parsed, demangled, compared. What matches demangled must have been worth demangling.
 */
#include "target/symbols.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t cut = size ? 1 + data[0] % size : 0;
	AUTO_FREE char *text = strndup((const char *)data + 1, cut ? cut - 1 : 0);
	AUTO_FREE char *name = strndup((const char *)data + cut, size - cut);
	AUTO_FREE char *pretty = name ? symbol_demangle(name) : NULL;
	struct pattern p;
	const char *why;
	bool plain;

	if (!text || !name || pattern_parse(&p, text, &why))
		return 0;
	plain = pattern_name(&p, name, NULL);
	if (!plain && pretty && pattern_name(&p, name, pretty) &&
	    !pattern_worth_demangling(&p, name)) {
		fprintf(stderr, "not worth it: %s on %s (%s)\n", text, name, pretty);
		abort();
	}
	pattern_name(&p, name, name);
	pattern_module(&p, name);
	if (pattern_base_length(name) > strlen(name))
		abort();
	pattern_free(&p);
	return 0;
}
