/* SPDX-License-Identifier: MIT */
/* tpd.c: main. */
#include "app/session.h"
#include "base/log.h"
#include "sink/schema.h"

static int trace_run(struct conf *conf)
{
	struct session s = { .conf = *conf };

	if (!session_open(&s))
		session_run(&s);
	session_close(&s);
	return session_status(&s);
}

static int print_help(struct conf *conf)
{
	options_help(stdout);
	return STATUS_DONE;
}

static int print_man(struct conf *conf)
{
	options_man(stdout);
	return STATUS_DONE;
}

static int print_version(struct conf *conf)
{
	puts("tpd " TPD_VERSION);
	return STATUS_DONE;
}

static int print_schema(struct conf *conf)
{
	fputs(schema_text, stdout);
	return STATUS_DONE;
}

static int (*const commands[])(struct conf *conf) = {
	[CMD_TRACE] = trace_run,     [CMD_LIST] = list_run,
	[CMD_DOCTOR] = doctor_run,   [CMD_HELP] = print_help,
	[CMD_VERSION] = print_version, [CMD_SCHEMA] = print_schema,
	[CMD_HELP_MAN] = print_man,
};

int main(int argc, char **argv)
{
	struct conf conf;

	if (options_parse(&conf, argc, argv))
		return STATUS_USAGE;
	if (conf.color_never)
		setenv("NO_COLOR", "1", 1);
	log_set_level(conf.quiet ? LOG_WARN : conf.verbose ? LOG_DEBUG : LOG_INFO);
	if (conf.command == CMD_TRACE && conf.replay)
		return replay_run(&conf);
	return commands[conf.command](&conf);
}
