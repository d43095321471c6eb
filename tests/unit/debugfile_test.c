/* SPDX-License-Identifier: MIT */
/* debugfile_test.c: separate debug files and dwz's shared ones, found in a root, and prototypes read from them. */
#include <sys/stat.h>

#include "dwarf_test.h"
#include "target/debugfile.h"

TestSuite(debugfile, .init = build_begin, .fini = build_end, .timeout = 120);

static const char source[] = "struct point { int x, y; };\n"
			     "struct line { struct point from, to; char *name; };\n"
			     "__attribute__((noinline)) int length(struct line *l, int scale) { "
			     "return (l->to.x - l->from.x) * scale; }\n"
			     "int main(int c, char **v) { struct line l = { { 0, 0 }, { c, c }, "
			     "v[0] }; return length(&l, c); }\n";

#define LENGTH                                                                            \
	"i4:int length(struct line{struct point{i4:int x@0; i4:int y@4}8 from@0; struct " \
	"point{i4:int x@0; i4:int y@4}8 to@8; "                                           \
	"c1:char* name@16}24* l, i4:int scale)"

static int root_fd(void)
{
	return open(build_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* The prototype of length(), by whatever debug files there are. */
static char *text_of(const char *file, const char *path, uint64_t addr)
{
	AUTO_CLOSE int root = root_fd(), debug = -1, alt = -1;
	AUTO_CLOSE int fd = open(build_path(file), O_RDONLY | O_CLOEXEC);
	struct elf *e = build_open(file);
	struct dwarf_file *f = NULL;
	char *text = NULL;
	int err;

	debug = debugfile_open(e, root, path);
	elf_close(e);
	cr_assert(debug >= 0 || debug == -ENOENT, "%d", debug);
	alt = debugfile_open_alt(debug >= 0 ? debug : fd, root);
	cr_assert(alt >= 0 || alt == -ENOENT, "%d", alt);
	err = dwarf_file_open(&f, fd, debug, alt);
	if (err)
		cr_assert(asprintf(&text, "error %d", err) > 0);
	else
		text = dwarf_text(f, addr, 1, false);
	dwarf_file_close(f);
	return text;
}

static void expect(const char *what, const char *file, uint64_t addr, const char *want)
{
	char path[128];
	AUTO_FREE char *text = NULL;

	snprintf(path, sizeof(path), "/%s", file);
	text = text_of(file, path, addr);
	cr_expect_str_eq(text, want, "%s\n  got  %s\n  want %s", what, text, want);
}

Test(debugfile, places)
{
	char id[4096];
	uint64_t addr;

	build_need("gcc");
	build_need("objcopy");
	build_write("p.c", source);
	build("mkdir -p dir && gcc -g -O1 -o dir/p p.c && objcopy --only-keep-debug dir/p p.debug");
	build_run(id, "readelf -n dir/p | awk '/Build ID/ { print $3 }'");
	addr = dwarf_address("dir/p", "length");
	expect("in the file", "dir/p", addr, LENGTH);
	build("strip dir/p && objcopy --add-gnu-debuglink=p.debug dir/p");
	expect("nowhere", "dir/p", addr, "error -2");
	build("cp p.debug dir/p.debug");
	expect("debuglink", "dir/p", addr, LENGTH);
	build("printf x >> dir/p.debug");
	expect("wrong CRC", "dir/p", addr, "error -2");
	build("mkdir -p usr/lib/debug/.build-id/%.2s && cp p.debug "
	      "usr/lib/debug/.build-id/%.2s/%s.debug",
	      id, id, id + 2);
	expect("build id", "dir/p", addr, LENGTH);
	build("gcc -g -O2 -DX -o q p.c && objcopy --only-keep-debug q "
	      "usr/lib/debug/.build-id/%.2s/%s.debug",
	      id, id + 2);
	expect("another's", "dir/p", addr, "error -2");
	build("head -c 3000 p.debug > usr/lib/debug/.build-id/%.2s/%s.debug", id, id + 2);
	expect("cut off", "dir/p", addr, "error -2");
}

Test(debugfile, shared_by_dwz)
{
	static const char *const links[] = { "../../.dwz/common", "/usr/lib/debug/.dwz/common" };
	uint64_t addr;

	build_need("gcc");
	build_need("dwz");
	build_write("p.c", source);
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		build("rm -rf usr && gcc -g -O1 -o a p.c && gcc -g -O1 -DX=2 -Wl,-z,now -o b p.c "
		      "&& mkdir -p usr/lib/debug/.dwz && "
		      "for f in a b; do objcopy --only-keep-debug $f $f.debug; strip $f; done; "
		      "dwz -m usr/lib/debug/.dwz/common -M %s a.debug b.debug",
		      links[i]);
		build("i=$(readelf -n a | awk '/Build ID/ { print $3 }') && "
		      "d=usr/lib/debug/.build-id/$(echo $i | cut -c 1-2) && "
		      "mkdir -p $d && cp a.debug $d/$(echo $i | cut -c 3-).debug");
		addr = dwarf_address("a.debug", "length");
		expect(links[i], "a", addr, LENGTH);
		/* Another file than the one that the link means. */
		build("cp usr/lib/debug/.dwz/common good; objcopy --update-section "
		      ".note.gnu.build-id=/dev/null good "
		      "usr/lib/debug/.dwz/common 2>/dev/null || printf 'x' | dd "
		      "of=usr/lib/debug/.dwz/common bs=1 seek=90 conv=notrunc");
		AUTO_FREE char *text = text_of("a", "/a", addr);

		cr_expect(!strstr(text, "struct line{struct point"), "%s", text);
		/* By build id, wherever the link leads. */
		build("i=$(readelf -n good | awk '/Build ID/ { print $3 }') && "
		      "d=usr/lib/debug/.build-id/$(echo $i | cut -c 1-2) && "
		      "mkdir -p $d && cp good $d/$(echo $i | cut -c 3-).debug");
		expect("build id", "a", addr, LENGTH);
	}
}
