/* SPDX-License-Identifier: MIT */
/*
 * uapi.h: what the kernel understands and the distribution's <linux/bpf.h> (6.1) does not name yet. Values are
 * those of enum bpf_attach_type and union bpf_attr in include/uapi/linux/bpf.h of 6.6 and 6.13.
 */
#ifndef TPD_UAPI_H
#define TPD_UAPI_H

#include <stdint.h>

#define TPD_UPROBE_MULTI   48
#define TPD_UPROBE_SESSION 57

#define TPD_MULTI_MAX (1u << 20) /* sites a link, MAX_UPROBE_MULTI_CNT */

/* BPF_LINK_CREATE with link_create.uprobe_multi, or with perf_event.bpf_cookie. */
union tpd_link_attr {
	struct {
		uint32_t prog_fd, target_fd, attach_type, flags;
		uint64_t path, offsets, ref_ctr_offsets, cookies;
		uint32_t cnt, multi_flags, pid;
	};
	struct {
		uint32_t pad_[4];
		uint64_t bpf_cookie;
	};
};

#endif
