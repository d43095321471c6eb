/* SPDX-License-Identifier: MIT */
/*
 * sites.h: which instructions of a function to probe. Plain bytes in, addresses out; Zydis decodes.
 *
 * Only decoded instruction boundaries are ever named: the kernel does not check, and a breakpoint in
 * the middle of an instruction corrupts the target (T9). A function that cannot be decoded whole is refused.
 */
#ifndef TPD_SITES_H
#define TPD_SITES_H

#include "base/util.h"
#include "spec.h"

struct exit_site {
	uint64_t addr;
	uint32_t height;      /* bytes from sp to the return address slot: always 0, a tail call has freed its frame */
	uint8_t kind;         /* enum site_kind: SITE_RET, SITE_JMP, SITE_JCC, SITE_JMP_IND */
	uint8_t cc;           /* SITE_JCC: condition code */
	uint16_t pop;         /* SITE_RET: what "ret n" pops besides the return address, nearly always 0 */
	struct jump_spec ind; /* SITE_JMP_IND: lo/hi/cold relative to addr are filled in too */
};

struct sites {
	uint64_t entry;        /* address of the entry site, at or behind the function's first byte */
	uint32_t entry_height; /* bytes from sp at the site up to the return address slot */
	bool entry_emulated;   /* the kernel emulates that instruction: no single-step */
	bool entry_endbr;      /* it is endbr64: BPF can step over it where it may write registers */
	bool entry_skip_cc;    /* Go: site is the conditional jump of the stack check ... */
	uint8_t entry_cc;      /* ... and no call begins where this condition holds */
	bool entry_reenter;    /* a jump inside the function can reach the site again for one call */
	bool entry_at_return;  /* sp points at the return address there: uretprobes are possible */
	bool reads_return;     /* the function reads its return address itself: hijacking would show */
	struct exit_site *exits;
	size_t nexits;
	const char *entry_text; /* name of the instruction at the site, e.g. "push", constant */
};

struct sites_func {
	uint64_t addr;        /* virtual address of the first byte */
	const uint8_t *code;  /* of addr */
	size_t size;          /* of the function */
	uint64_t cold_addr;   /* its .cold piece; cold_size 0: none known */
	const uint8_t *cold;
	size_t cold_size;
	bool no_nop5;         /* a probe on a nop of 5 bytes would leave its mark, see features_nop5() */
	bool go;              /* Go: stack check loops back to the entry; ABIInternal arguments */
	/* Does another function begin exactly at addr? Not a .cold piece. NULL: not known. */
	bool (*is_function)(void *arg, uint64_t addr);
	/* Code bytes anywhere in the module's text, for pieces that no symbol tells of. NULL: none. */
	int (*text)(void *arg, uint64_t addr, const uint8_t **ret, size_t *len);
	void *arg;
};

/* Why a function is refused. Each has a sentence in sites_strerror(). */
enum sites_error {
	SITES_OK = 0,
	SITES_EMPTY,        /* size 0 or no text */
	SITES_UNDECODABLE,  /* bytes that are no instructions (data in the text?) */
	SITES_MIDDLE,       /* a jump goes into the middle of an instruction */
	SITES_PROLOGUE,     /* no safe entry site: the kernel takes no probe at the first byte (lock, int3) nor
			     * can it be passed over */
	SITES_NO_EXIT_KIND, /* leaves by an instruction that cannot be followed (far ret, loop, iret ...) */
	SITES_TOO_LARGE,    /* above 4 MiB, or more than 16384 exits */
	SITES_NO_MEMORY,
	SITES_ALIAS,        /* not from sites_find(): another function of the plan has this address */
};

/*
 * Finds entry and exits. SITES_OK, else *s is empty.
 * Entry: the first byte, or a later instruction that the kernel emulates (push, nop, jmp, jcc, call rel32) if everything
 * before it is straight-line, touches no memory that can fault, changes no argument register (rdi rsi rdx rcx r8 r9 rax
 * r10, for Go also rbx r11) and is no target of a jump. A nop of 5 bytes is chosen only as the first instruction or right
 * behind endbr64, where nothing lives below sp (T6), and only for want of another; entry_text is "nop5" then.
 * Emulated forms: arch/x86/kernel/uprobes.c, branch_setup_xol_ops() and push_setup_xol_ops().
 * Exits: every ret; every direct jump to where another function begins or out of function and cold piece;
 * every indirect jump that the stack height does not prove to be internal. Jumps out of the known extent that do not reach
 * a function are followed as pieces of this one, if text() is given. A function of a single jmp or ret has its
 * entry and its exit at the same address.
 */
enum sites_error sites_find(struct sites *s, const struct sites_func *f);
void sites_free(struct sites *s);
const char *sites_strerror(enum sites_error e);

#endif
