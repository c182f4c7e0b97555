/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Link protection: what a guest may send. */
#ifndef GUARD_H
#define GUARD_H

#include "abi.h"
#include "parse.h"

/* The reason to drop a guest's frame; negative when there is none. */
static __always_inline int guard(const struct vnic *vnic,
				 const struct frame *frame)
{
	/* A guest is on one VLAN, and its VNIC says which. */
	if (frame->tag != TAG_NONE)
		return DROP_GUEST_TAG;
	/* A group is never a sender, whether or not the VNIC is guarded. */
	if (is_multicast(frame->src))
		return DROP_MAC_SPOOF;
	if (vnic->guard & GUARD_MAC_NOSPOOF && !same_mac(frame->src, vnic->mac))
		return DROP_MAC_SPOOF;
	return -1;
}

#endif /* GUARD_H */
