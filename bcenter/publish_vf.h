/*
 * publish_vf — virtual functions as others are told of them (docs/sync.md): upwards the row with
 * what is seen of it, to its agent the questions that are open. Under module_lock.
 */
#ifndef BCENTER_PUBLISH_VF_H
#define BCENTER_PUBLISH_VF_H

#include "bcenter/bcenter.h"

void publish_vf(struct bcenter *bc, const struct vf *v);
void publish_vf_gone(struct bcenter *bc, const struct vf *v);
/* Counts of a bServer's VFs into its document: vfs, vfs_used, vfs_free, vfs_quarantine, vfs_lost.
 */
void publish_vf_counts(struct bcenter *bc, const struct bserver *b, json_t *o);

#endif
