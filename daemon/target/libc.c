/* SPDX-License-Identifier: MIT */
/*
 * libc.c: errno is thread-local, and where its module's block lies is the loader's secret; but the function that gives its address
 * is short and knows: `mov off(%rip), %rax; add %fs:0, %rax; ret`, the offset in the GOT filled in by the
 * loader; in static programs `mov $off, %rax`.
 */
#include "target/insn.h"
#include "target/libc.h"

static int read_memory(const struct process *p, uint64_t addr, void *buf, size_t n)
{
	AUTO_CLOSE int fd = process_open_memory(p);

	if (fd < 0)
		return fd;
	return pread(fd, buf, n, (off_t)addr) == (ssize_t)n ? 0 : -EFAULT;
}

static bool is_fs_zero(const ZydisDecodedOperand *op)
{
	return op->type == ZYDIS_OPERAND_TYPE_MEMORY && op->mem.segment == ZYDIS_REGISTER_FS &&
	       op->mem.base == ZYDIS_REGISTER_NONE && op->mem.index == ZYDIS_REGISTER_NONE && !op->mem.disp.value;
}

static bool is_rax(const ZydisDecodedOperand *op)
{
	return op->type == ZYDIS_OPERAND_TYPE_REGISTER && op->reg.value == ZYDIS_REGISTER_RAX;
}

/* The offset that one instruction loads into rax. */
static bool loads_offset(const struct insn_full *in, uint64_t next, const struct process *p, uint64_t bias, int64_t *off)
{
	const ZydisDecodedOperand *from = &in->op[1];

	if (in->z.mnemonic != ZYDIS_MNEMONIC_MOV || !is_rax(&in->op[0]))
		return false;
	if (from->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
		*off = from->imm.value.s;
		return true;
	}
	return from->type == ZYDIS_OPERAND_TYPE_MEMORY && from->mem.base == ZYDIS_REGISTER_RIP &&
	       !read_memory(p, bias + next + from->mem.disp.value, off, sizeof(*off));
}

/* Follows the function; anything that it is not known to do means not known. */
static int64_t errno_offset(const struct elf *e, uint64_t addr, const struct process *p, uint64_t bias)
{
	const uint8_t *code;
	int64_t off = 0;
	ZydisDecoder d;
	size_t len;
	bool loaded = false;

	if (elf_text(e, addr, &code, &len))
		return 0;
	insn_init(&d);
	for (int i = 0; i < 4; i++) {
		struct insn_full in;

		if (!insn_decode_full(&d, code, len, &in))
			return 0;
		code += in.z.length;
		len -= in.z.length;
		addr += in.z.length;
		if (in.z.mnemonic == ZYDIS_MNEMONIC_ENDBR64)
			continue;
		if (in.z.mnemonic == ZYDIS_MNEMONIC_ADD && loaded && is_rax(&in.op[0]) && is_fs_zero(&in.op[1]))
			return off;
		if (loaded || !loads_offset(&in, addr, p, bias, &off))
			return 0;
		loaded = true;
	}
	return 0;
}

int libc_find(const struct elf *e, const struct process *p, const struct module *m, struct libc_places *ret)
{
	uint64_t addr, bias;

	*ret = (struct libc_places){ 0 };
	if (module_bias(m, e, &bias))
		return -ENOENT;
	if (elf_symbol(e, "__errno_location", &addr))
		return -ENOENT;
	ret->errno_off = errno_offset(e, addr, p, bias);
	if (!elf_symbol(e, "__abort_msg", &addr))
		ret->abort_msg = bias + addr;
	return 0;
}
