/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The tables. netd is the only writer of all of them but of what they count;
 * programs look rows up and never insert any, so nobody can fill a table by
 * sending frames.
 *
 * BPF_F_NO_PREALLOC: memory follows the number of rows. A row that is deleted
 * may be reused at once while a program on another CPU still reads it. netd
 * deletes a row after whatever leads to it, so this takes a program that has
 * been between two instructions for as long as netd needs for two system
 * calls; that program may misdeliver one frame.
 */
#ifndef MAPS_H
#define MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"

#ifdef ANOTHER_VERSION
#define fdb fdb_2
#endif

/* A record of the ring `told` while it is made. */
struct telling {
	struct told head;
	__u8 frame[TOLD_MAX];
	/* How much was told of frames that no one VNIC stands for. */
	struct budget floods;
};

/* Read by from_vnic: who is speaking. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, VNICS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct vnic);
} vnics SEC(".maps");

/* Read by from_vnic: whom a guest may be in IPv4. One row holds a VNIC's whole
 * list, so it is found in one step however many VNICs there are, and a change
 * of it is seen whole or not at all.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, VNICS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct allowed4);
} allowed4 SEC(".maps");

/* Read by from_vnic: whom a guest may be in IPv6. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, VNICS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct allowed6);
} allowed6 SEC(".maps");

/* Read by from_vnic: whom a guest may be in DHCP. The kernel compares every
 * byte of a key, so no other client id passes for a listed one.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CLIENT_IDS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct client_id);
	__type(value, __u32);
} client_ids SEC(".maps");

/* Read by from_vnic: the addresses that guests came by. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LEARNED_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct learned);
	__type(value, __u32);
} learned_addresses SEC(".maps");

/* Written by every program, read by netd: frames that may be about the
 * addresses of guests. What is in it stays there while netd is away.
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} told_ring SEC(".maps");

/* Written by every program, read by netd: frames that were dropped. A ring of
 * its own, so that a flood of bad frames hides no lease.
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} shown_ring SEC(".maps");

/* Where a program puts a record together that is as long as its frame. It holds
 * nothing from one frame to the next: a program is not interrupted by another
 * on the same CPU.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct telling);
} telling_place SEC(".maps");

/* Where from_vnic writes a key that is too long for its stack. It holds nothing
 * from one frame to the next: a program is not interrupted by another on the
 * same CPU.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct client_id);
} scratch SEC(".maps");

/* Read by every program: where a unicast frame goes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FDB_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct fdb_key);
	__type(value, struct fdb_entry);
} fdb SEC(".maps");

/* Read by every program: who gets a copy of a frame for more than one. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FLOOD_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct flood_key);
	__type(value, struct flood_entry);
} flood SEC(".maps");

/* Read by from_vnic: the way out of a segment. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SEGMENTS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct segment);
} segments SEC(".maps");

/* Read by the programs that meet a VNIC's frames: what its flows ask for. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, VNICS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct flow_masks);
} flow_masks SEC(".maps");

/* Read by the same: the flows of all VNICs. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FLOWS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct flow_key);
	__type(value, struct flow);
} flows SEC(".maps");

/* Values written by the same, read by netd, which also makes the rows. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, FLOWS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct flow_traffic);
} flow_traffic SEC(".maps");

/* Written by every program, read by netd, which also gives out the slots. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, VNICS_MAX + 1);
	__type(key, __u32);
	__type(value, struct traffic);
} traffic SEC(".maps");

/* Values written by every program, read by netd, which also makes the rows. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, VNICS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct drops);
} drops SEC(".maps");

#endif /* MAPS_H */
