/* SPDX-License-Identifier: MIT */
/* exceptions_priv.h: what the files of exceptions.h share: an exception under way, and the languages that tell about it. */
#ifndef TPD_EXCEPTIONS_PRIV_H
#define TPD_EXCEPTIONS_PRIV_H

#include <uthash.h>

#include "pipeline/exceptions.h"
#include "pipeline/frames.h"

/* A function by its name: prefix is all of it (parameters may follow), or ends in '*', and then any name that begins so and, if
 * there is a part, holds that further on. */
struct name_rule {
	const char *prefix, *part;
};

bool name_matches(const char *function, const struct name_rule *rules, size_t n);

struct exception;

/* What is particular about a language's exceptions. */
struct language {
	const char *name;
	/* Fills type, message and value. res: for names of types and functions. 0 or -ENOMEM. */
	int (*tell)(const struct resolver *res, const struct ev_throw *e, struct exception *ex);
	/* Frames of the runtime that stand between the throw and the code that is to blame. */
	const struct name_rule *runtime;
	size_t nruntime;
	/* Its libraries, by the beginning of their names: a frame in them that has no name is theirs too. */
	const char *const *modules;
	size_t nmodules;
	/* Those of them by which something is thrown again, not anew. */
	const struct name_rule *again;
	size_t nagain;
	/* Who seems to catch, but ends the program; by function and by symbol. */
	const struct name_rule *end;
	size_t nend;
	/* How catching looks on the stack, where it is not the catcher that asks the runtime. */
	const struct name_rule *catching;
	size_t ncatching;
};

extern const struct language language_cxx, language_rust, language_go, language_foreign;

struct exception {
	uint64_t id;
	uint64_t ts_ns, call, object;
	uint64_t rethrows; /* id of the first throw of the object, 0: not known */
	uint64_t cause;    /* signal: id of the exception that it follows, 0: none */
	uint32_t pid, tid;
	const struct language *language;
	char comm[EV_COMM];
	bool rethrown;
	bool ending;       /* thrown again by what was called because nobody caught it */
	char *type;          /* NULL: not known, */
	const char *no_type; /* and why */
	char *message;       /* NULL: not known, */
	const char *no_message;
	size_t message_len;
	uint64_t message_all; /* its true length; more than message_len: it was cut; ~0: nobody knows how much */
	struct field value;   /* of a plain type; text is message_len bytes of value_text; key 0: none */
	char *value_text;
	bool has_address;
	uint64_t address;
	int signal;
	char file[sizeof(((struct ev_throw *)0)->file)]; /* where the language itself says it was thrown */
	uint32_t line;
	struct frames *frames;
	size_t thrown; /* the first frame that is not the runtime's; frames->n: none */
	UT_hash_handle hh;
};

void exception_free(struct exception *ex);
int exception_set_type(struct exception *ex, const char *type);
int exception_set_message(struct exception *ex, const char *s, size_t len);
/* The text that came with the throw: prefix and len bytes of it, or that it could not be read. */
int exception_set_text(struct exception *ex, const struct ev_throw *e, const char *prefix, size_t len);

/* Resolves the stack and finds the frame that threw. 0 or -ENOMEM. */
int exception_frames(const struct resolver *res, const struct ev_place *at, const void *stack, struct exception *ex);

/* exceptions_record.c: the record of an exception that ended; at: who caught it, or NULL. */
struct exception_record {
	struct record r;
	struct field message[3], thrown[FRAME_FIELDS], caught[FRAME_FIELDS];
	char address[24];
	struct frame_list stack;
};
void exception_record(const struct decoder *d, const struct exception *ex, enum outcome how, const struct resolved *at,
		      struct exception_record *mem);
const char *outcome_name(enum outcome how);

/* exceptions_signal.c */
int signal_exception(const struct ev_signal *e, struct exception *ex);
/* Does a program raise it on itself when an exception is not caught? */
bool signal_of_runtime(uint32_t sig);

/* exceptions_sites.c: how many, by type and by the function that threw. */
struct exception_sites;
int exception_sites_new(struct exception_sites **ret);
void exception_sites_free(struct exception_sites *s);
void exception_sites_count(struct exception_sites *s, const struct exception *ex, enum outcome how);
void exception_sites_summary(struct exception_sites *s, bool interval, exceptions_emit *emit, void *arg);
void exception_sites_table(struct exception_sites *s, FILE *out);

#endif
