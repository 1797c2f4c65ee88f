/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the switch by which the crash tests plant a durability bug at run time, to prove that they
 * would find it. Without TUF_TEST_HOOKS the macro is the constant false: nothing of it is compiled.
 *
 * Names, and what the engine does wrong while one is planted:
 *   skip_commit_sync      a commit returns without syncing its frame
 *   ack_before_sync       a commit is answered and published before its sync, which then runs
 *   skip_checkpoint_sync  the checkpoint header is written without syncing the nodes first
 *   header_before_nodes   the checkpoint header is written before the nodes, then one sync
 *   skip_dir_sync         a created file's directory is not synced
 *   no_pad                frames are not padded: the next one starts in the sector of the last
 *   skip_open_sync        what recovery found is shown without a sync
 *   retry_failed_sync     a failed sync is called again and its second answer believed
 *   trust_size            recovery takes the bytes up to the file's size as valid
 *   accept_any_chain      recovery does not compare a frame's chain with the frame before
 *   trust_cache           recovery takes frames from the page cache that a failed sync dropped
 *   skip_seal             recovery does not seal the end of the log that it cut
 *   compact_skip_dir_sync a compaction goes on with the new file before its name is durable
 *   link_skip_dir_sync    a pinned file's second name is not durable when the first one is taken away
 *   compact_rename_early  a compaction renames the new file before its last checkpoint
 *   trim_before_note      holes are punched before a checkpoint says what was given back
 *   trim_forgets_history  the records that a revision tree is built from are taken for dead
 *   compact_trust_note    a continued compaction keeps rows that the source no longer has
 *
 * Not here: the function itself (tests/sim/testhook.c).
 */
#ifndef BASE_TESTHOOK_H
#define BASE_TESTHOOK_H

#include <stdbool.h>

#ifdef TUF_TEST_HOOKS
/* Whether the named bug is planted in this process. */
bool tufi_planted(const char *name);
#else
#define tufi_planted(name) false
#endif

#endif
