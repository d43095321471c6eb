/* SPDX-License-Identifier: MIT */
/*
 * elf.c: one ELF file: segments, sections, notes, needed libraries. libelf reads the headers with
 * pread (ELF_C_READ, never mmap), so that a file truncated behind our back is an error and no
 * SIGBUS. Section headers are a courtesy: the kernel does not look at them, so when they are
 * missing or broken the file counts as one without.
 */
#include <elf.h>
#include <fcntl.h>
#include <gelf.h>
#include <sys/stat.h>

#include "target/elf.h"
#include <sys/mman.h>

#include "target/elf_priv.h"

#define MAX_SEGMENTS 1024
#define MAX_SECTIONS (1u << 18)
#define MAX_NOTES    (1u << 20) /* bytes of one note section */
#define MAX_DYNAMIC  (1u << 20)
#define MAX_NEEDED   1024
#define MAX_SONAME   4096

int elf_read_at(const struct elf *e, uint64_t offset, void *buf, size_t size)
{
	size_t done = 0;

	if (offset > e->size || size > e->size - offset)
		return -ERANGE;
	while (done < size) {
		ssize_t n = pread(e->fd, (char *)buf + done, size - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -ERANGE; /* truncated since it was opened */
		done += (size_t)n;
	}
	return 0;
}

/* The tables of a big library are tens of megabytes: in huge pages their page faults cost next to nothing. */
static char *alloc_table(size_t size)
{
	const size_t huge = 2u << 20;
	char *p;

	if (size < 2 * huge)
		return malloc(size);
	p = aligned_alloc(huge, (size + huge - 1) / huge * huge);
	if (p)
		madvise(p, size, MADV_HUGEPAGE);
	return p;
}

int elf_read(const struct elf *e, uint64_t offset, size_t size, void *ret)
{
	AUTO_FREE char *buf = NULL;
	int err;

	/* Before the allocation: the size is what the file claims. */
	if (offset > e->size || size > e->size - offset)
		return -ERANGE;
	buf = alloc_table(size + 1);
	if (!buf)
		return -ENOMEM;
	err = elf_read_at(e, offset, buf, size);
	if (err)
		return err;
	buf[size] = 0;
	*(char **)ret = util_steal(&buf);
	return 0;
}

static int check_header(const struct elf *e)
{
	AUTO_FREE Elf64_Ehdr *h = NULL;
	AUTO_FREE Elf64_Shdr *first = NULL;
	AUTO_FREE char *magic = NULL;
	int err;

	err = elf_read(e, 0, SELFMAG, &magic);
	if (err)
		return err == -ERANGE ? -ENOEXEC : err;
	if (memcmp(magic, ELFMAG, SELFMAG))
		return -ENOEXEC;
	err = elf_read(e, 0, sizeof(*h), &h);
	if (err)
		return err == -ERANGE ? -EBADMSG : err;
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB ||
	    h->e_machine != EM_X86_64 || (h->e_type != ET_EXEC && h->e_type != ET_DYN))
		return -ENOEXEC;
	if (h->e_version != EV_CURRENT || h->e_ident[EI_VERSION] != EV_CURRENT ||
	    (h->e_phnum && h->e_phentsize != sizeof(Elf64_Phdr)))
		return -EBADMSG;
	/*
	 * The real number of sections or segments may stand in section 0; libelf allocates by it.
	 */
	if (!h->e_shoff || (h->e_shnum && h->e_phnum != PN_XNUM))
		return 0;
	err = elf_read(e, h->e_shoff, sizeof(*first), &first);
	if (err == -ERANGE)
		return h->e_phnum == PN_XNUM ? -EBADMSG : 0;
	if (!err && (first->sh_size > MAX_SECTIONS || first->sh_info > MAX_SECTIONS))
		return -EBADMSG;
	return err;
}

static int segment_cmp(const void *a, const void *b)
{
	const struct elf_segment *x = a, *y = b;

	return x->vaddr < y->vaddr ? -1 : x->vaddr > y->vaddr;
}

/*
 * Separate debug files keep the program headers of their binary, which then tell of bytes that are
 * not in the file; so the part beyond the end is cut off and not an error.
 */
static int read_segments(struct elf *e, Elf *elf)
{
	size_t n, i;

	if (elf_getphdrnum(elf, &n) || n > MAX_SEGMENTS)
		return -EBADMSG;
	e->seg = calloc(n + 1, sizeof(*e->seg));
	if (!e->seg)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		struct elf_segment *s = &e->seg[e->nseg];
		GElf_Phdr ph;

		if (!gelf_getphdr(elf, (int)i, &ph))
			return -EBADMSG;
		if (ph.p_type == PT_INTERP || ph.p_type == PT_DYNAMIC)
			e->dynamic = true;
		if (ph.p_type == PT_DYNAMIC && ph.p_offset < e->size) {
			e->dyn_offset = ph.p_offset;
			e->dyn_size = MIN(ph.p_filesz, e->size - ph.p_offset);
		}
		if (ph.p_type != PT_LOAD)
			continue;
		if (ph.p_vaddr + ph.p_memsz < ph.p_vaddr || ph.p_filesz > ph.p_memsz)
			return -EBADMSG;
		s->vaddr = ph.p_vaddr;
		s->offset = MIN(ph.p_offset, e->size);
		s->filesz = MIN(ph.p_filesz, e->size - s->offset);
		s->exec = ph.p_flags & PF_X;
		s->write = ph.p_flags & PF_W;
		e->nseg++;
	}
	qsort(e->seg, e->nseg, sizeof(*e->seg), segment_cmp);
	for (i = 1; i < e->nseg; i++)
		if (e->seg[i].vaddr - e->seg[i - 1].vaddr < e->seg[i - 1].filesz)
			return -EBADMSG; /* one address, two places in the file */
	return 0;
}

static int read_sections(struct elf *e, Elf *elf)
{
	size_t n, i, shstr, names_size = 0;
	GElf_Shdr sh;
	Elf_Scn *scn;
	int err;

	if (elf_getshdrnum(elf, &n) || !n || n > MAX_SECTIONS || elf_getshdrstrndx(elf, &shstr))
		return 0;
	scn = elf_getscn(elf, shstr);
	if (scn && gelf_getshdr(scn, &sh) && sh.sh_type == SHT_STRTAB) {
		err = elf_read(e, sh.sh_offset, sh.sh_size, &e->names);
		if (err && err != -ERANGE)
			return err;
		if (!err)
			names_size = sh.sh_size;
	}
	e->sec = calloc(n, sizeof(*e->sec));
	if (!e->sec)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		struct elf_section *s = &e->sec[i];

		s->name = "";
		scn = elf_getscn(elf, i);
		if (!scn || !gelf_getshdr(scn, &sh))
			continue;
		if (sh.sh_type != SHT_NOBITS &&
		    (sh.sh_offset > e->size || sh.sh_size > e->size - sh.sh_offset))
			continue;
		if (sh.sh_addr + sh.sh_size < sh.sh_addr)
			continue;
		/* elf_read() put a zero behind the table: no name runs out of it. */
		if (sh.sh_name < names_size)
			s->name = e->names + sh.sh_name;
		s->type = sh.sh_type;
		s->link = sh.sh_link;
		s->flags = sh.sh_flags;
		s->addr = sh.sh_addr;
		s->offset = sh.sh_offset;
		s->size = sh.sh_size;
		s->entsize = sh.sh_entsize;
	}
	e->nsec = n;
	return 0;
}

static void read_note(struct elf *e, Elf *elf, const GElf_Shdr *where)
{
	Elf_Type type = where->sh_addralign == 8 ? ELF_T_NHDR8 : ELF_T_NHDR;
	size_t off = 0, name, desc, i;
	Elf_Data *d = NULL;
	GElf_Nhdr nh;

	if (where->sh_offset < e->size && where->sh_size <= e->size - where->sh_offset &&
	    where->sh_size <= MAX_NOTES)
		d = elf_getdata_rawchunk(elf, (int64_t)where->sh_offset, where->sh_size, type);
	while (d && (off = gelf_getnote(d, off, &nh, &name, &desc)) > 0) {
		const char *nm = (const char *)d->d_buf + name;
		const uint8_t *id = (const uint8_t *)d->d_buf + desc;

		if (nh.n_namesz == 4 && !memcmp(nm, "Go\0", 4))
			e->go = true;
		if (nh.n_namesz != 4 || memcmp(nm, "GNU", 4) || nh.n_type != NT_GNU_BUILD_ID ||
		    e->build_id[0] || !nh.n_descsz || nh.n_descsz > ELF_MAX_BUILD_ID)
			continue;
		for (i = 0; i < nh.n_descsz; i++)
			sprintf(e->build_id + 2 * i, "%02x", id[i]);
	}
}

static void read_notes(struct elf *e, Elf *elf)
{
	size_t i, n = 0;
	GElf_Phdr ph;

	for (i = 0; i < e->nsec; i++)
		if (e->sec[i].type == SHT_NOTE)
			read_note(e, elf,
				  &(GElf_Shdr){ .sh_offset = e->sec[i].offset,
						.sh_size = e->sec[i].size,
						.sh_addralign = 4 });
	if (elf_getphdrnum(elf, &n))
		return;
	for (i = 0; i < n && !e->build_id[0]; i++)
		if (gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_NOTE)
			read_note(e, elf,
				  &(GElf_Shdr){ .sh_offset = ph.p_offset,
						.sh_size = ph.p_filesz,
						.sh_addralign = ph.p_align });
}

static int read_needed(struct elf *e, uint64_t at)
{
	char name[MAX_SONAME];
	uint64_t off;
	ssize_t n;

	if (at < e->dyn.strtab || elf_addr_to_offset(e, at, &off))
		return 0;
	n = pread(e->fd, name, sizeof(name), (off_t)off);
	if (n <= 0 || !memchr(name, 0, (size_t)n))
		return 0;
	e->needed[e->nneeded] = strdup(name);
	if (!e->needed[e->nneeded])
		return -ENOMEM;
	e->nneeded++;
	return 0;
}

static int read_dynamic(struct elf *e)
{
	AUTO_FREE Elf64_Dyn *d = NULL;
	size_t n = MIN(e->dyn_size, MAX_DYNAMIC) / sizeof(*d), i;
	int err;

	if (!n)
		return 0;
	err = elf_read(e, e->dyn_offset, n * sizeof(*d), &d);
	if (err)
		return err;
	for (i = 0; i < n && d[i].d_tag != DT_NULL; i++) {
		if (d[i].d_tag == DT_STRTAB)
			e->dyn.strtab = d[i].d_un.d_ptr;
		else if (d[i].d_tag == DT_STRSZ)
			e->dyn.strsz = d[i].d_un.d_val;
		else if (d[i].d_tag == DT_SYMTAB)
			e->dyn.symtab = d[i].d_un.d_ptr;
		else if (d[i].d_tag == DT_HASH)
			e->dyn.hash = d[i].d_un.d_ptr;
		else if (d[i].d_tag == DT_GNU_HASH)
			e->dyn.gnu_hash = d[i].d_un.d_ptr;
	}
	n = i;
	e->needed = calloc(MAX_NEEDED, sizeof(*e->needed));
	if (!e->needed)
		return -ENOMEM;
	for (i = 0; i < n && !err && e->nneeded < MAX_NEEDED; i++)
		if (d[i].d_tag == DT_NEEDED && d[i].d_un.d_val < e->dyn.strsz)
			err = read_needed(e, e->dyn.strtab + d[i].d_un.d_val);
	return err;
}

static int elf_parse(struct elf *e)
{
	Elf *elf;
	int err;

	err = check_header(e);
	if (err)
		return err;
	elf_version(EV_CURRENT);
	elf = elf_begin(e->fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF) {
		elf_end(elf);
		return -EBADMSG;
	}
	err = read_segments(e, elf);
	if (!err)
		err = read_sections(e, elf);
	if (!err && !e->nseg && !e->nsec)
		err = -EBADMSG;
	if (!err)
		read_notes(e, elf);
	e->entry = ((Elf64_Ehdr *)elf64_getehdr(elf))->e_entry;
	elf_end(elf);
	if (!err)
		err = read_dynamic(e);
	return err;
}

int elf_open(struct elf **ret, int fd)
{
	struct elf *e = calloc(1, sizeof(*e));
	struct stat st;
	int err = 0;

	if (!e) {
		close(fd);
		return -ENOMEM;
	}
	e->fd = fd;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -ENOEXEC;
	else if ((uint64_t)st.st_size > ELF_MAX_FILE)
		err = -EFBIG;
	if (!err) {
		e->size = (uint64_t)st.st_size;
		err = elf_parse(e);
	}
	if (err)
		elf_close(e);
	else
		*ret = e;
	return err;
}

void elf_close(struct elf *e)
{
	size_t i;

	if (!e)
		return;
	elf_text_free(e);
	for (i = 0; i < e->nneeded; i++)
		free(e->needed[i]);
	free(e->needed);
	free(e->imports);
	free(e->import_names);
	free(e->sec);
	free(e->names);
	free(e->seg);
	close(e->fd);
	free(e);
}
