/* SPDX-License-Identifier: MIT */
/*
 * options.c: the command line against the table. Parsing stops at the first thing that is wrong,
 * says it once, and names the way out; what contradicts itself is refused, since ignoring half of a
 * request gives a wrong answer to the other half.
 */
#include "base/log.h"
#include "format/options_table.h"

#define SEE_HELP  "see tpd --help"
#define NAME_MAX_ 32 /* longer words are no misspelt name */

struct parser {
	struct conf *c;
	char **argv;
	int argc, at;	/* argv[at] comes next */
	uint64_t given; /* bit i: row i was given */
	bool done;	/* --help and the like: nothing behind counts */
};

static const struct {
	const char *name;
	enum command command;
} commands[] = {
	{ "list", CMD_LIST },
	{ "doctor", CMD_DOCTOR },
	{ "help", CMD_HELP },
	{ "version", CMD_VERSION },
};

static unsigned use_of(const struct conf *c)
{
	if (c->command == CMD_LIST)
		return FOR_LIST;
	if (c->command == CMD_DOCTOR)
		return FOR_DOCTOR;
	return c->replay ? FOR_REPLAY : FOR_TRACE;
}

/* Each row: what must not be, and what to say then. The first that holds is reported. */
static bool replay_and_target(const struct conf *c)
{
	return use_of(c) == FOR_REPLAY &&
	       (c->pids.n || c->functions.n || c->exe || c->comm || c->argv);
}

static bool two_targets(const struct conf *c)
{
	return !!c->pids.n + !!c->exe + !!c->comm + !!c->argv > 1;
}

static bool no_target(const struct conf *c)
{
	return c->command == CMD_TRACE && !c->replay && !c->pids.n && !c->exe && !c->comm &&
	       !c->argv;
}

static bool no_function(const struct conf *c)
{
	return c->command == CMD_TRACE && !c->replay && !c->functions.n && !c->exceptions &&
	       !c->files;
}

static bool list_without_pid(const struct conf *c)
{
	return c->command == CMD_LIST && !c->pids.n;
}

static bool several_pids(const struct conf *c)
{
	return c->command != CMD_TRACE && c->pids.n > 1;
}

static bool quiet_and_verbose(const struct conf *c)
{
	return c->quiet && c->verbose;
}

static bool summary_of_some(const struct conf *c)
{
	return c->summary && (c->count || c->record || c->min_duration_ns || c->sample < 1 ||
			      c->rate_limit || c->max_depth || c->where.n || c->errors || c->stack ||
			      c->raw_args || c->exceptions);
}

static bool endless_and_ends(const struct conf *c)
{
	return c->returns == RETURNS_NONE &&
	       (c->min_duration_ns || c->max_depth || c->errors || c->stack);
}

static bool where_without_args(const struct conf *c)
{
	return c->no_args && (c->where.n || c->errors || c->raw_args);
}

static bool files_without_files(const struct conf *c)
{
	return !c->files && (c->all_fds || c->stat || c->paths.n || c->ops.n);
}

static bool files_some_of_all(const struct conf *c)
{
	return c->files == FILES_SUMMARY && (c->min_duration_ns || c->errors);
}

static bool same_file(const struct conf *c)
{
	return c->output && ((c->record && !strcmp(c->output, c->record)) ||
			     (c->replay && !strcmp(c->output, c->replay)));
}

static const struct {
	bool (*broken)(const struct conf *c);
	const char *text;
} rules[] = {
	{ replay_and_target,
	  "--replay shows a recorded trace: it takes no process, function or command" },
	{ two_targets, "-p, --exe, --comm and -- COMMAND are different targets: give one of them" },
	{ no_target,
	  "nothing to trace: give -p PID, --exe PATH, --comm NAME or -- COMMAND; " SEE_HELP },
	{ no_function, "no function named: add -f FUNCTION (tpd list -p PID shows what there is), --files or --exceptions" },
	{ list_without_pid, "list: of which process? give -p PID" },
	{ several_pids, "list and doctor look at one process: give one -p PID" },
	{ quiet_and_verbose, "-q and -v contradict each other" },
	{ summary_of_some,
	  "--summary counts every call and streams none: --count, --record, --min-duration, --sample, "
	  "--rate-limit, --max-depth, --where, --errors, --stack, --raw-args and --exceptions have no "
	  "meaning with it" },
	{ where_without_args,
	  "--no-args leaves nothing that --where, --errors or --raw-args could look at" },
	{ endless_and_ends,
	  "--returns none sees entries only: --min-duration, --max-depth, --errors and --stack have no "
	  "meaning with it" },
	{ files_without_files, "--path, --op, --all-fds and --stat choose among what --files tells: add --files" },
	{ files_some_of_all,
	  "--files=summary counts every operation: --min-duration and --errors have no meaning with it" },
	{ same_file, "-o and --record or --replay name the same file: give two" },
};

/* Edits (a letter more, less, other, or two swapped) from a to b; both shorter than NAME_MAX_. */
static unsigned distance(const char *a, size_t n, const char *b, size_t m)
{
	unsigned d[NAME_MAX_ + 1][NAME_MAX_ + 1];

	for (size_t i = 0; i <= n; i++) {
		for (size_t k = 0; k <= m; k++) {
			unsigned best;

			if (!i || !k) {
				d[i][k] = i + k;
				continue;
			}
			best = d[i - 1][k - 1] + (a[i - 1] != b[k - 1]);
			best = MIN(best, MIN(d[i - 1][k], d[i][k - 1]) + 1);
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				best = MIN(best, d[i - 2][k - 2] + 1);
			d[i][k] = best;
		}
	}
	return d[n][m];
}

/*
 * Is name a better guess at word than the best so far? A beginning of the name is as good as one
 * edit.
 */
static bool nearer(const char *word, size_t len, const char *name, unsigned *best)
{
	size_t n = strlen(name);
	unsigned d;

	if (!len || len > NAME_MAX_ || n > NAME_MAX_)
		return false;
	d = len >= 3 && !strncmp(word, name, len) ? 1 : distance(word, len, name, n);
	if (d >= *best)
		return false;
	*best = d;
	return true;
}

static const char *nearest_option(const char *word, size_t len)
{
	unsigned best = len < 4 ? 2 : 4;
	const char *name = NULL;

	for (size_t i = 0; i < options_count; i++)
		if (options_table[i].use && nearer(word, len, options_table[i].name, &best))
			name = options_table[i].name;
	return name;
}

static const char *nearest_command(const char *word)
{
	const char *name = NULL;
	unsigned best = 3;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (nearer(word, strlen(word), commands[i].name, &best))
			name = commands[i].name;
	return name;
}

/* How an option is written in messages. */
static void spell(const struct option_row *row, bool letter, char *text, size_t n)
{
	if (letter)
		snprintf(text, n, "-%c", row->letter);
	else
		snprintf(text, n, "--%s", row->name);
}

/* value: what is attached to the option, or NULL; then the next argument is taken. */
static int apply(struct parser *p, const struct option_row *row, bool letter, const char *value)
{
	char name[NAME_MAX_ + 3], complaint[128];
	const char *bad = NULL;
	int err, len = 0;

	spell(row, letter, name, sizeof(name));
	if (row->bare && !value)
		value = row->bare;
	if (row->value && !value) {
		value = p->at < p->argc ? p->argv[p->at] : NULL;
		if (!value || (value[0] == '-' && value[1])) {
			if (value)
				log_error("%s: wants %s, but '%s' looks like an option; to insist: "
					  "%s%s%s",
					  name, row->value, value, name, letter ? "" : "=", value);
			else
				log_error("%s: wants %s behind it; " SEE_HELP, name, row->value);
			return -EINVAL;
		}
		p->at++;
	}
	p->given |= UINT64_C(1) << (row - options_table);
	p->done = row->type == OPT_COMMAND;
	err = option_set(p->c, row, value, &bad, &len);
	if (err == -EINVAL || err == -ERANGE) {
		option_complaint(row, err, complaint, sizeof(complaint));
		log_error("%s: '%.*s' %s", name, len, bad, complaint);
		return -EINVAL;
	}
	if (err)
		log_error("%s: %s", name, strerror(-err));
	return err;
}

static int parse_long(struct parser *p, const char *arg)
{
	size_t len = strcspn(arg, "=");
	const char *near, *value = arg[len] ? arg + len + 1 : NULL;

	for (size_t i = 0; i < options_count; i++) {
		const struct option_row *row = &options_table[i];

		if (strlen(row->name) != len || strncmp(row->name, arg, len))
			continue;
		if (!row->value && value) {
			log_error("--%s: takes no value, but '%s' was given", row->name, value);
			return -EINVAL;
		}
		return apply(p, row, false, value);
	}
	near = nearest_option(arg, len);
	if (near)
		log_error("--%.*s: no such option; is --%s meant?", (int)MIN(len, (size_t)4096),
			  arg, near);
	else
		log_error("--%.*s: no such option; " SEE_HELP, (int)MIN(len, (size_t)4096), arg);
	return -EINVAL;
}

/* "-qv" is -q -v, "-p123" is -p 123. */
static int parse_letters(struct parser *p, const char *arg)
{
	int err = 0;

	while (*arg && !err && !p->done) {
		const struct option_row *row = options_table, *end = row + options_count;
		const char *rest = arg + 1;

		while (row < end && row->letter != *arg)
			row++;
		if (row == end) {
			log_error("-%.1s: no such option; " SEE_HELP, arg);
			return -EINVAL;
		}
		if (!row->value) {
			err = apply(p, row, true, NULL);
			arg = rest;
			continue;
		}
		return apply(p, row, true, *rest ? rest : NULL);
	}
	return err;
}

static int parse_word(struct parser *p, const char *word)
{
	const char *near = p->at == 2 ? nearest_command(word) : NULL;
	struct conf *c = p->c;

	if (c->command == CMD_LIST && !c->list_pattern && *word) {
		c->list_pattern = word;
		return 0;
	}
	if (c->command == CMD_LIST)
		log_error("list: '%s' is one pattern too many; quote a pattern with blanks or '*'",
			  word);
	else if (c->command == CMD_DOCTOR)
		log_error("doctor: takes no '%s'; a process is given by -p PID", word);
	else if (near)
		log_error("'%s': no such command; is '%s' meant?", word, near);
	else if (*word && strspn(word, "0123456789,") == strlen(word))
		log_error("'%s' stands alone; a process is given by -p %s", word, word);
	else
		log_error("'%s' stands alone; a function is given by -f, a command to start behind "
			  "--",
			  word);
	return -EINVAL;
}

static int parse_rest(struct parser *p)
{
	int err = 0;

	if (p->c->command == CMD_TRACE) {
		if (p->at == p->argc) {
			log_error("--: wants a command behind it, such as -- ./program ARGUMENT");
			return -EINVAL;
		}
		p->c->argv = p->argv + p->at;
		return 0;
	}
	while (!err && p->at < p->argc)
		err = parse_word(p, p->argv[p->at++]);
	return err;
}

static int parse_all(struct parser *p)
{
	int err = 0;

	for (size_t i = 0; p->argc > 1 && i < ARRAY_SIZE(commands); i++) {
		if (strcmp(p->argv[1], commands[i].name))
			continue;
		p->c->command = commands[i].command;
		p->done = commands[i].command == CMD_HELP || commands[i].command == CMD_VERSION;
		p->at = 2;
	}
	while (!err && !p->done && p->at < p->argc) {
		const char *arg = p->argv[p->at++];

		if (!strcmp(arg, "--"))
			return parse_rest(p);
		if (!strncmp(arg, "--", 2))
			err = parse_long(p, arg + 2);
		else if (arg[0] == '-' && arg[1])
			err = parse_letters(p, arg + 1);
		else
			err = parse_word(p, arg);
	}
	return err;
}

static int check(const struct parser *p)
{
	static const char *const names[] = {
		[FOR_TRACE] = "a live trace",
		[FOR_REPLAY] = "--replay",
		[FOR_LIST] = "list",
		[FOR_DOCTOR] = "doctor",
	};
	unsigned use = use_of(p->c);

	/* Before the uses: these rules explain the common mistakes better. */
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (rules[i].broken(p->c)) {
			log_error("%s", rules[i].text);
			return -EINVAL;
		}
	}
	for (size_t i = 0; i < options_count; i++) {
		const struct option_row *row = &options_table[i];

		if (!(p->given >> i & 1) || !row->use || row->use & use)
			continue;
		if (row->use == (FOR_LIST | FOR_DOCTOR))
			log_error("--%s: is for list and doctor; a trace is written as JSON by -o "
				  "FILE",
				  row->name);
		else if (row->type == OPT_STRINGS && use == FOR_LIST)
			log_error(
				"--%s: list takes its pattern without it: tpd list -p PID PATTERN",
				row->name);
		else
			log_error("--%s: has no meaning for %s; " SEE_HELP, row->name, names[use]);
		return -EINVAL;
	}
	return 0;
}

static int set_defaults(struct conf *c)
{
	const char *no_color = getenv("NO_COLOR"), *bad;
	int err = 0, len;

	*c = (struct conf){ .command = CMD_TRACE };
	for (size_t i = 0; i < options_count && !err; i++)
		if (options_table[i].start)
			err = option_set(c, &options_table[i], options_table[i].start, &bad, &len);
	c->color_never = no_color && *no_color; /* https://no-color.org */
	return err;
}

int options_parse(struct conf *c, int argc, char **argv)
{
	struct parser p = { .c = c, .argv = argv, .argc = argc, .at = 1 };
	int err = set_defaults(c);

	if (!err)
		err = parse_all(&p);
	if (!err && !p.done)
		err = check(&p);
	if (err)
		options_free(c);
	return err;
}

void options_free(struct conf *c)
{
	free(c->functions.v);
	free(c->where.v);
	free(c->paths.v);
	free(c->ops.v);
	free(c->pids.v);
	c->functions = c->where = c->paths = c->ops = (struct strings){ 0 };
	c->pids = (struct pids){ 0 };
}
