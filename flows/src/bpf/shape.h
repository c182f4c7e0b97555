/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Frames that wait for their turn.
 *
 * A segment's shaper is a veth pair. What is sent into the near end waits in
 * the classes of HTB, its root, and comes out at the far end's ingress, where
 * from_shaper goes on with it.
 */
#ifndef SHAPE_H
#define SHAPE_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"

/*
 * Sends a guest's frame into its segment's shaper. Whose it is goes along in
 * the mark, which a frame keeps on its way through a veth pair whose ends are
 * in one network namespace. The priority tells HTB the class, and is lost.
 */
static __always_inline int shape(struct __sk_buff *skb, const struct vnic *vnic,
				 __u16 class)
{
	skb->mark = skb->ifindex;
	skb->priority = SHAPE_ROOT | class;
	return bpf_redirect(vnic->shaper, 0);
}

#endif /* SHAPE_H */
