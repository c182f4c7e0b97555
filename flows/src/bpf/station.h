/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Who has which address. Stations are known, not learned: netd writes them, so
 * there is nothing to poison.
 */
#ifndef STATION_H
#define STATION_H

#include <stdbool.h>

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "maps.h"
#include "parse.h"

static __always_inline struct fdb_entry *find_station(__u32 segment, __u16 vid,
						      const __u8 *mac)
{
	struct fdb_key key = { .segment = segment, .vid = vid };

	__builtin_memcpy(key.mac, mac, ETH_ALEN);
	return bpf_map_lookup_elem(&fdb, &key);
}

/* Whether an address is the VNIC's, or another of its guest's. */
static __always_inline bool own_mac(const struct vnic *vnic, const __u8 *mac)
{
	struct fdb_entry *station;

	if (same_mac(mac, vnic->mac))
		return true;
	if (!(vnic->guard & GUARD_SECONDARY))
		return false;
	station = find_station(vnic->segment, vnic->vid, mac);
	return station && station->id == vnic->id;
}

#endif /* STATION_H */
