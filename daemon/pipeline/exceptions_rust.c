/* SPDX-License-Identifier: MIT */
/* exceptions_rust.c: Rust's panics. The message and the place come with the event; the type of a payload has no name at run time. */
#include "base/utf8.h"
#include "pipeline/exceptions_priv.h"

/* The library on the way to a panic. What it calls back stands further in. */
static const struct name_rule runtime[] = {
	{ "std::*", NULL },	   { "core::*", NULL },	      { "alloc::*", NULL },	 { "<std::*", NULL },
	{ "<core::*", NULL },	   { "<alloc::*", NULL },     { "<usize as core::*", NULL }, { "<I as core::*", NULL },
	{ "<str as core::*", NULL }, { "<[T] as core::*", NULL }, { "<[T]>::*", NULL },	 { "panic_unwind::*", NULL },
	{ "panic_abort::*", NULL }, { "rust_panic*", NULL },  { "rust_begin_unwind", NULL }, { "__rustc::*", NULL },
	{ "__rust_*", NULL },	   { "_Unwind_*", NULL },     { "__rdl_*", NULL },	 { "__rg_*", NULL },
};

static const struct name_rule catching[] = {
	{ "std::panicking::try*", NULL },
	{ "std::panicking::catch_unwind*", NULL },
	{ "std::panic::catch_unwind*", NULL },
	{ "core::intrinsics::catch_unwind", NULL },
	{ "__rust_try*", NULL },
};

static const struct name_rule again[] = {
	{ "std::panic::resume_unwind", NULL },
	{ "std::panicking::resume_unwind", NULL },
	{ "std::panicking::rust_panic_without_hook", NULL },
};

/* What runs main catches all and leaves with status 101; by its symbol (two manglings) where it is the catching itself that
 * was inlined. */
static const struct name_rule ends[] = {
	{ "std::rt::*", NULL },
	{ "_ZN3std2rt*", NULL },
	{ "_R*", "3std2rt" },
};

/* Payloads that only look like text are told from it: text is UTF-8, except where it was cut. */
static bool is_text(const char *s, size_t len, bool cut)
{
	size_t i = 0, n = 1;

	for (; i < len && n; i += n)
		n = utf8_length((const unsigned char *)s + i, len - i);
	return n || (cut && len - i < 4);
}

static int tell_rust(const struct resolver *res, const struct ev_throw *e, struct exception *ex)
{
	int err = exception_set_type(ex, "panic");

	if (err)
		return err;
	memcpy(ex->file, e->file, sizeof(ex->file));
	ex->line = (uint32_t)(e->line >> 32);
	if ((!e->text_len && !e->text_all && !ex->line) ||
	    !is_text(e->text, e->text_len, e->text_all > e->text_len)) {
		/* panic_any() and resume_unwind() take anything, and nothing to say with it */
		ex->no_message = "payload";
		return 0;
	}
	return exception_set_text(ex, e, "", e->text_len);
}

const struct language language_rust = {
	.name = "rust",
	.tell = tell_rust,
	.runtime = runtime,
	.nruntime = ARRAY_SIZE(runtime),
	.again = again,
	.nagain = ARRAY_SIZE(again),
	.end = ends,
	.nend = ARRAY_SIZE(ends),
	.catching = catching,
	.ncatching = ARRAY_SIZE(catching),
};
