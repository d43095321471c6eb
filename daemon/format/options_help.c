/* SPDX-License-Identifier: MIT */
/* options_help.c: --help and the manual page's OPTIONS, both from the table. */
#include "format/options_table.h"

#define COLUMN 27 /* where the texts begin */
#define WIDTH  80

static const char head[] =
	"tpd shows the calls of functions in running programs: how long each took, what\n"
	"it was given and gave back, and how it ended. The program needs no rebuild and\n"
	"no restart, and is not harmed.\n"
	"\n"
	"Usage:\n"
	"  tpd -p PID -f FUNCTION [OPTIONS]         attach; ^C detaches and sums up\n"
	"  tpd -p PID --exceptions [OPTIONS]        only what is thrown, and crashes\n"
	"  tpd -p PID --files [OPTIONS]             only what it does with files\n"
	"  tpd -f FUNCTION [OPTIONS] -- COMMAND...  start a program and trace it\n"
	"  tpd list -p PID [PATTERN]                what can be traced there, and how\n"
	"  tpd doctor [-p PID]                      what this kernel and you are allowed\n"
	"\n"
	"Examples:\n"
	"  tpd list -p 4711 'parse*'                which functions begin with parse?\n"
	"  tpd -p 4711 -f parse_query               each call of one, as it ends\n"
	"  tpd -p 4711 -f 'libssl:SSL_*' --summary  a library's calls, counted and timed\n"
	"  tpd -p 4711 -f libc:open --where 'return < 0'\n"
	"                                           the files that could not be opened\n"
	"  tpd -p 4711 --exceptions                 who throws what, and who catches it\n"
	"  tpd -p 4711 -f db::Store::get --min-duration 10ms -o slow.ndjson\n"
	"                                           only slow calls, as JSON, to a file\n"
	"  tpd -f '*' -f '!*alloc*' --duration 5s --histogram -- ./server --port 80\n";

static const char tail[] =
	"\nTIME is 250us, 10ms, 1.5s, 2m or 1h. SIZE is 512K, 8M or 1G.\n"
	"Exit status: 0 done, 1 failed, 2 usage, 3 nothing to trace, 4 not permitted;\n"
	"with -- COMMAND that of the command. The manual: man tpd\n";

/* Prints text from column at on, broken at blanks, further lines at COLUMN. */
static void wrap(FILE *out, const char *text, size_t at)
{
	while (*text) {
		size_t len = strcspn(text, " ");

		if (at > COLUMN && at + 1 + len > WIDTH) {
			fprintf(out, "\n%*s", COLUMN, "");
			at = COLUMN;
		} else if (at > COLUMN) {
			fputc(' ', out);
			at++;
		}
		fprintf(out, "%.*s", (int)len, text);
		at += len;
		text += len;
		text += strspn(text, " ");
	}
}

static void help_row(FILE *out, const struct option_row *row)
{
	char letter[4], left[80], text[512];
	int n;

	snprintf(letter, sizeof(letter), row->letter ? "-%c," : "%.0d", row->letter);
	n = snprintf(left, sizeof(left), "  %3s --%s%s%s", letter, row->name, row->value && !row->bare ? " " : "",
		     row->value ? row->value : "");
	snprintf(text, sizeof(text), row->start ? "%s (default %s)" : "%s", row->help, row->start);
	fputs(left, out);
	if (n + 2 > COLUMN) {
		fputc('\n', out);
		n = 0;
	}
	fprintf(out, "%*s", COLUMN - n, "");
	wrap(out, text, COLUMN);
	fputc('\n', out);
}

void options_help(FILE *out)
{
	fputs(head, out);
	for (int group = 0; group < GROUP_MAX; group++) {
		fprintf(out, "\n%s:\n", options_groups[group]);
		for (size_t i = 0; i < options_count; i++)
			if ((int)options_table[i].group == group && options_table[i].use)
				help_row(out, &options_table[i]);
	}
	fputs(tail, out);
}

/*
 * groff_char(7): a bare "-" may become a hyphen, a bare "'" or "." at the start of a line is a
 * request.
 */
static void man_text(FILE *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '-')
			fputs("\\-", out);
		else if (*s == '\\')
			fputs("\\e", out);
		else if (*s == '\'')
			fputs("\\(aq", out);
		else
			fputc(*s, out);
	}
}

static void man_row(FILE *out, const struct option_row *row)
{
	fputs(".TP\n", out);
	if (row->letter)
		fprintf(out, "\\fB\\-%c\\fR, ", row->letter);
	fputs("\\fB\\-\\-", out);
	man_text(out, row->name);
	fputs("\\fR", out);
	if (row->value) {
		fputs(row->bare ? "\\fI" : " \\fI", out);
		man_text(out, row->value);
		fputs("\\fR", out);
	}
	fputs("\n\\&", out);
	man_text(out, row->help);
	if (row->start) {
		fputs(" (default ", out);
		man_text(out, row->start);
		fputc(')', out);
	}
	fputs(".\n", out);
}

void options_man(FILE *out)
{
	for (int group = 0; group < GROUP_MAX; group++) {
		fprintf(out, ".SS %s\n", options_groups[group]);
		for (size_t i = 0; i < options_count; i++)
			if ((int)options_table[i].group == group && options_table[i].use)
				man_row(out, &options_table[i]);
	}
}
