/* SPDX-License-Identifier: MIT */
/*
 * log.c: one line a message, in one write(2), so that lines of several processes on one terminal
 * never mix. Messages quote names that the traced program chose: whatever a terminal would obey is
 * escaped.
 */
#include <stdarg.h>
#include "base/log.h"
#include "base/utf8.h"

#define MESSAGE_MAX 4096
#define PREFIX_MAX  64

static enum log_level max_level = LOG_INFO;
static void (*line_hook)(void *arg, bool before);
static void *line_hook_arg;

static const struct {
	const char *plain, *colour;
} prefixes[] = {
	[LOG_ERROR] = { "tpd: ", "\033[1;31mtpd:\033[0m " },
	[LOG_WARN] = { "tpd: warning: ", "\033[1mtpd: warning:\033[0m " },
	[LOG_INFO] = { "tpd: ", "tpd: " },
	[LOG_DEBUG] = { "tpd: debug: ", "tpd: debug: " },
};

void log_set_level(enum log_level level)
{
	max_level = level;
}

enum log_level log_level(void)
{
	return max_level;
}

void log_set_hook(void (*hook)(void *arg, bool before), void *arg)
{
	line_hook = hook;
	line_hook_arg = arg;
}

/* https://no-color.org: set and not empty means no. */
static bool want_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no && *no) && !(term && !strcmp(term, "dumb")) && isatty(STDERR_FILENO);
}

/*
 * C0 and C1 control characters and bytes that are no UTF-8: some terminals take a bare 0x9b for ESC
 * [. out has room for 4 bytes an input byte.
 */
static size_t escape(char *out, const char *text, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *s = (const unsigned char *)text;
	size_t i = 0, o = 0;

	while (i < n) {
		size_t len = utf8_length(s + i, n - i);

		if (len > 2 || (len == 2 && !(s[i] == 0xc2 && s[i + 1] < 0xa0)) ||
		    (len == 1 && s[i] >= 0x20 && s[i] != 0x7f)) {
			memcpy(out + o, s + i, len);
			i += len;
			o += len;
			continue;
		}
		for (size_t end = i + MAX(len, 1); i < end; i++) {
			out[o++] = '\\';
			out[o++] = 'x';
			out[o++] = hex[s[i] >> 4];
			out[o++] = hex[s[i] & 15];
		}
	}
	return o;
}

static void write_all(const char *s, size_t n)
{
	while (n) {
		ssize_t done = write(STDERR_FILENO, s, n);

		if (done < 0 && errno != EINTR)
			return; /* nobody left to tell */
		if (done > 0) {
			s += done;
			n -= done;
		}
	}
}

void log_at(enum log_level level, const char *fmt, ...)
{
	char text[MESSAGE_MAX], line[PREFIX_MAX + 4 * MESSAGE_MAX + 1];
	int saved = errno, n;
	const char *prefix;
	size_t len;
	va_list ap;

	if (level > max_level)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		n = snprintf(text, sizeof(text), "%s", fmt);
	if ((size_t)n >= sizeof(text)) {
		n = sizeof(text) - 1;
		memcpy(text + n - 3, "...", 3);
	}
	prefix = want_colour() ? prefixes[level].colour : prefixes[level].plain;
	len = strlen(prefix);
	memcpy(line, prefix, len);
	len += escape(line + len, text, n);
	line[len++] = '\n';
	if (line_hook)
		line_hook(line_hook_arg, true);
	write_all(line, len);
	if (line_hook)
		line_hook(line_hook_arg, false);
	errno = saved;
}
