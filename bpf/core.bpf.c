/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* core.bpf.c: the knobs that user space sets before load (see tpd.bpf.h), and the licence. */
#include "tpd.bpf.h"

const volatile __u32 knob_never = 0;
const volatile __u32 knob_tgid = 0;
const volatile __u32 knob_trust_pid = 0;
const volatile __u32 knob_stream = 1;
const volatile __u32 knob_shards = 1;
const volatile __u32 knob_hist_hash = 0;
const volatile __u32 knob_sample = 0xffffffff;
const volatile __u32 knob_max_depth = 0xffff;
const volatile __u64 knob_min_ns = 0;
const volatile __u64 knob_rate = 0;
const volatile __u64 knob_ring_half = 4 << 20;
const volatile __u64 knob_exe_ino = 0;
const volatile __u32 knob_exe_dev = 0;
const volatile __u32 knob_target_flags = TARGET_ON;
const volatile __u32 knob_slot = 0;
const volatile __u32 knob_slots = 0;
const volatile __u32 knob_where = 0;
const volatile __u32 knob_stack = 0;
const volatile __u32 knob_signal = 0;
const volatile __u32 knob_throw = 0;
const volatile __u32 knob_throw_all = 0;
const volatile __u64 knob_file_min_ns = 0;
const volatile __u32 knob_file_errors = 0;
const volatile __u32 knob_file_count = 0;
const volatile char knob_comm[EV_COMM] = "";

char LICENSE[] SEC("license") = "Dual MIT/GPL";
