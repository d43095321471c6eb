/* SPDX-License-Identifier: MIT */
/* insn.h: what the search for sites must know about one instruction. Internal to target/; Zydis
 * decodes. */
#ifndef TPD_INSN_H
#define TPD_INSN_H

#include <Zydis/Zydis.h>

#include "base/util.h"
#include "spec.h"

/* How control goes on behind an instruction. */
enum insn_flow {
	INSN_NEXT,
	INSN_CALL,
	INSN_RET,
	INSN_JMP, /* direct */
	INSN_JCC,
	INSN_LOOP, /* loop, jrcxz, jecxz: short conditional jumps without a condition code */
	INSN_JMP_IND,
	INSN_STOP, /* int3, ud2, hlt */
	INSN_BAD,  /* far, iret, xbegin and the like: cannot be followed */
};

/* What becomes of rsp or rbp. */
enum insn_track {
	TRACK_KEEP,
	TRACK_ADD,   /* moved by delta */
	TRACK_OTHER, /* rsp from rbp or rbp from rsp, then moved by delta */
	TRACK_LOST,
};

#define INSN_DIRECT   1u /* target is known */
#define INSN_PAD      2u /* nop or int3: may fill the room between blocks */
#define INSN_NOTRACK  4u /* jump that need not reach an endbr64: a compiler's jump table */
#define INSN_REFUSED  8u /* the kernel takes no probe here */
#define INSN_SYSCALL  16u
#define INSN_RIP_SLOT 32u /* jmp *x(%rip) */
#define INSN_ADDRESS  64u /* the slot is not read, its address is taken */

struct insn {
	uint64_t target;   /* of a direct jump or call */
	int32_t delta;	   /* in bytes of stack height: positive when the stack grows */
	int32_t slot;	   /* a memory read at this displacement from rsp or rbp ... */
	uint8_t slot_size; /* ... of so many bytes, 0: none */
	bool slot_frame;   /* from rbp */
	uint8_t len;
	uint8_t flow;	/* enum insn_flow */
	uint8_t sp, fp; /* enum insn_track */
	uint8_t cc;	/* INSN_JCC: as in the opcode */
	uint8_t flags;
	uint16_t pop; /* INSN_RET: bytes taken off besides the return address */
};

/* An instruction with its operands, for the few that are looked at closely. */
struct insn_full {
	ZydisDecodedInstruction z;
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
};

void insn_init(ZydisDecoder *d);
/* Facts of the instruction at code, which is at addr. False: these bytes are none, or cut off. */
bool insn_decode(const ZydisDecoder *d, const uint8_t *code, size_t len, uint64_t addr,
		 struct insn *in);
bool insn_decode_full(const ZydisDecoder *d, const uint8_t *code, size_t len, struct insn_full *in);
/* Has it one of the prefixes in this list (zero-terminated)? */
bool insn_prefix(const ZydisDecodedInstruction *z, const char *list);
/* Registers of an indirect jump; false if BPF could not compute where it goes. */
bool insn_jump(const struct insn_full *in, struct jump_spec *ret);

#endif
