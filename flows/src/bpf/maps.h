/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The tables. netd is the only writer of all of them but the counters' values;
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

/* Read by from_vnic: who is speaking. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, VNICS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct vnic);
} vnics SEC(".maps");

/* Read by every program: where a unicast frame goes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FDB_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct fdb_key);
	__type(value, struct fdb_entry);
} fdb SEC(".maps");

/* Read by every program: who gets a copy of a multicast frame. */
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

/* Values written by every program, read by netd, which also makes the rows. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, VNICS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct counters);
} counters SEC(".maps");

#endif /* MAPS_H */
