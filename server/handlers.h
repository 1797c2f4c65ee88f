/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the names of all handlers, for server/routes.c. Each is described by its row there.
 */
#ifndef SERVER_HANDLERS_H
#define SERVER_HANDLERS_H

#include "server/route.h"

/* server/handlers/ (server level) */
request_handler handle_welcome, handle_up, handle_uuids, handle_favicon, handle_utils;
request_handler handle_all_dbs, handle_dbs_info, handle_dbs_info_post, handle_db_updates;
request_handler handle_active_tasks, handle_membership, handle_cluster_setup;
request_handler handle_cluster_setup_post, handle_node_name, handle_node_stats, handle_node_system;
request_handler handle_node_prometheus, handle_node_versions, handle_node_smoosh;
request_handler handle_node_missing, handle_node_incomplete;
request_handler handle_scheduler_jobs, handle_scheduler_docs;

/* server/session_http.c, server/config_http.c */
request_handler handle_session_get, handle_session_post, handle_session_delete;
request_handler handle_config_get, handle_config_put, handle_config_delete, handle_config_reload;

/* server/handlers/ (database level) */
request_handler handle_db_info, handle_db_create, handle_db_delete, handle_db_post;
request_handler handle_all_docs, handle_all_docs_post, handle_all_docs_queries;
request_handler handle_design_docs, handle_design_docs_post, handle_design_docs_queries;
request_handler handle_local_docs, handle_local_docs_post, handle_local_docs_queries;
request_handler handle_changes, handle_changes_post;
request_handler handle_ensure_full_commit, handle_compact, handle_compact_cancel, handle_view_cleanup;
request_handler handle_shards, handle_sync_shards, handle_temp_view, handle_partition;
request_handler handle_security_get, handle_security_put;
request_handler handle_revs_limit_get, handle_revs_limit_put;
request_handler handle_purge, handle_purged_infos_limit_get, handle_purged_infos_limit_put;
request_handler handle_purged_infos, handle_auto_purge_get, handle_auto_purge_put;

/* server/snapshots.c */
request_handler handle_snapshots, handle_snapshot_put, handle_snapshot_delete;

/* server/handlers/replicate.c */
request_handler handle_replicate;

/* server/handlers/not_yet.c */
request_handler handle_find, handle_search, handle_reload_query_servers;
request_handler handle_ddoc_function;
request_handler handle_reshard, handle_reshard_state_get, handle_reshard_state_put;
request_handler handle_reshard_jobs_get, handle_reshard_jobs_post, handle_reshard_job;

/* server/handlers/ (documents) */
request_handler handle_bulk_docs, handle_bulk_get, handle_missing_revs, handle_revs_diff;
request_handler handle_doc_get, handle_doc_put, handle_doc_delete, handle_doc_copy;
request_handler handle_doc_post;
request_handler handle_local_get, handle_local_put, handle_local_delete, handle_local_copy;
request_handler handle_local_attachment;
request_handler handle_att_get, handle_att_put, handle_att_delete;

#endif
