/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the whole API on one screen: path, methods, needed right, handler, text of 405.
 *
 * The first path that fits decides; see server/route.h for patterns. Every row names a right
 * (INV-AUTH-2).
 */
#include "server/handlers.h"

#define GET HTTP_GET
#define PUT HTTP_PUT
#define POST HTTP_POST
#define DEL HTTP_DELETE
#define COPY HTTP_COPY
#define DOC_ALLOW "DELETE,GET,HEAD,POST,PUT,COPY"
#define ANY (HTTP_GET | HTTP_PUT | HTTP_POST | HTTP_DELETE | HTTP_COPY)

/* clang-format off */
const struct route route_table[] = {
    /* server */
    { "/", GET, RIGHT_OPEN, handle_welcome, "GET,HEAD", 0 },
    { "/favicon.ico", GET, RIGHT_OPEN, handle_favicon, "GET,HEAD", 0 },
    { "/_utils/{rest}", GET, RIGHT_OPEN, handle_utils, "GET,HEAD", 0 },
    { "/_up", GET, RIGHT_OPEN, handle_up, "GET,HEAD", ROUTE_UP },
    { "/_uuids", GET, RIGHT_OPEN, handle_uuids, "GET", 0 },
    { "/_all_dbs", GET, RIGHT_SRVADM, handle_all_dbs, "GET,HEAD", 0 },
    { "/_dbs_info", GET, RIGHT_SRVADM, handle_dbs_info, "GET,HEAD,POST", 0 },
    { "/_dbs_info", POST, RIGHT_SRVADM, handle_dbs_info_post, NULL, 0 },
    { "/_db_updates", GET, RIGHT_SRVADM, handle_db_updates, "GET", 0 },
    { "/_active_tasks", GET, RIGHT_SRVADM, handle_active_tasks, "GET,HEAD", 0 },
    { "/_membership", GET, RIGHT_SRVADM, handle_membership, "GET", 0 },
    { "/_cluster_setup", GET, RIGHT_SRVADM, handle_cluster_setup, "GET,POST", 0 },
    { "/_cluster_setup", POST, RIGHT_SRVADM, handle_cluster_setup_post, NULL, 0 },
    { "/_scheduler/jobs/{rest}", GET, RIGHT_SRVADM, handle_scheduler_jobs, "GET,HEAD", 0 },
    { "/_scheduler/docs/{rest}", GET, RIGHT_SRVADM, handle_scheduler_docs, "GET,HEAD", 0 },
    { "/_replicate", POST, RIGHT_USER, handle_replicate, "POST", 0 },
    { "/_reload_query_servers", POST, RIGHT_SRVADM, handle_reload_query_servers, "POST", 0 },
    { "/_reshard", GET, RIGHT_SRVADM, handle_reshard, "GET,HEAD", 0 },
    { "/_reshard/state", GET, RIGHT_SRVADM, handle_reshard_state_get, "GET,HEAD,PUT", 0 },
    { "/_reshard/state", PUT, RIGHT_SRVADM, handle_reshard_state_put, NULL, 0 },
    { "/_reshard/jobs", GET, RIGHT_SRVADM, handle_reshard_jobs_get, "GET,HEAD,POST", 0 },
    { "/_reshard/jobs", POST, RIGHT_SRVADM, handle_reshard_jobs_post, NULL, 0 },
    { "/_reshard/jobs/{any}", GET | DEL, RIGHT_SRVADM, handle_reshard_job, "GET,HEAD,DELETE", 0 },
    { "/_reshard/jobs/{any}/state", GET | PUT, RIGHT_SRVADM, handle_reshard_job, "GET,HEAD,PUT", 0 },
    { "/_search_analyze", POST, RIGHT_USER, handle_search, "POST", 0 },
    { "/_session", GET, RIGHT_OPEN, handle_session_get, "GET,HEAD,POST,DELETE", 0 },
    { "/_session", POST, RIGHT_OPEN, handle_session_post, NULL, ROUTE_NO_LOGIN },
    { "/_session", DEL, RIGHT_OPEN, handle_session_delete, NULL, 0 },

    /* node */
    { "/_node", ANY, RIGHT_SRVADM, handle_node_incomplete, "GET", 0 },
    { "/_node/{any}", GET, RIGHT_SRVADM, handle_node_name, "GET", 0 },
    { "/_node/{any}/_config/_reload", POST, RIGHT_SRVADM, handle_config_reload, "POST", 0 },
    { "/_node/{any}/_config/{rest}", GET, RIGHT_SRVADM, handle_config_get, "GET,PUT,DELETE", 0 },
    { "/_node/{any}/_config/{rest}", PUT, RIGHT_SRVADM, handle_config_put, NULL, 0 },
    { "/_node/{any}/_config/{rest}", DEL, RIGHT_SRVADM, handle_config_delete, NULL, 0 },
    { "/_node/{any}/_stats/{rest}", GET, RIGHT_METRICS, handle_node_stats, "GET", 0 },
    { "/_node/{any}/_system", GET, RIGHT_METRICS, handle_node_system, "GET", 0 },
    { "/_node/{any}/_prometheus", GET, RIGHT_METRICS, handle_node_prometheus, "GET", 0 },
    { "/_node/{any}/_versions", GET, RIGHT_SRVADM, handle_node_versions, "GET", 0 },
    { "/_node/{any}/_smoosh/status", GET, RIGHT_SRVADM, handle_node_smoosh, "GET", 0 },
    { "/_node/{any}/{rest}", ANY, RIGHT_SRVADM, handle_node_missing, "GET", 0 },

    /* database */
    { "/{db}", GET, RIGHT_MEMBER, handle_db_info, "DELETE,GET,HEAD,POST", 0 },
    { "/{db}", POST, RIGHT_MEMBER, handle_db_post, NULL, 0 },
    { "/{db}", PUT, RIGHT_SRVADM, handle_db_create, NULL, ROUTE_NO_OPEN },
    { "/{db}", DEL, RIGHT_SRVADM, handle_db_delete, NULL, ROUTE_NO_OPEN },
    { "/{db}/_all_docs", GET, RIGHT_MEMBER, handle_all_docs, "GET,HEAD,POST", 0 },
    { "/{db}/_all_docs", POST, RIGHT_MEMBER, handle_all_docs_post, NULL, 0 },
    { "/{db}/_all_docs/queries", POST, RIGHT_MEMBER, handle_all_docs_queries, "POST", 0 },
    { "/{db}/_design_docs", GET, RIGHT_MEMBER, handle_design_docs, "GET,HEAD,POST", 0 },
    { "/{db}/_design_docs", POST, RIGHT_MEMBER, handle_design_docs_post, NULL, 0 },
    { "/{db}/_design_docs/queries", POST, RIGHT_MEMBER, handle_design_docs_queries, "POST", 0 },
    { "/{db}/_local_docs", GET, RIGHT_MEMBER, handle_local_docs, "GET,HEAD,POST", 0 },
    { "/{db}/_local_docs", POST, RIGHT_MEMBER, handle_local_docs_post, NULL, 0 },
    { "/{db}/_local_docs/queries", POST, RIGHT_MEMBER, handle_local_docs_queries, "POST", 0 },
    { "/{db}/_changes/{rest}", GET, RIGHT_MEMBER, handle_changes, "GET,POST,HEAD", 0 },
    { "/{db}/_changes/{rest}", POST, RIGHT_MEMBER, handle_changes_post, NULL, 0 },
    { "/{db}/_ensure_full_commit", POST, RIGHT_MEMBER, handle_ensure_full_commit, "POST", 0 },
    { "/{db}/_snapshot", GET, RIGHT_MEMBER, handle_snapshots, "GET", 0 },
    { "/{db}/_snapshot/{any}", PUT, RIGHT_DBADM, handle_snapshot_put, "DELETE,GET,PUT", 0 },
    { "/{db}/_snapshot/{any}", DEL, RIGHT_DBADM, handle_snapshot_delete, NULL, 0 },
    { "/{db}/_compact", POST, RIGHT_DBADM_PATH, handle_compact, "POST", 0 },
    { "/{db}/_compact", DEL, RIGHT_DBADM_PATH, handle_compact_cancel, NULL, 0 },
    { "/{db}/_compact/{any}/{rest}", POST, RIGHT_DBADM_PATH, handle_compact, "POST", 0 },
    { "/{db}/_view_cleanup/{rest}", POST, RIGHT_DBADM_PATH, handle_view_cleanup, "POST", 0 },
    { "/{db}/_shards", GET, RIGHT_MEMBER, handle_shards, "GET", 0 },
    { "/{db}/_shards/{any}", GET, RIGHT_MEMBER, handle_shards, "GET", 0 },
    { "/{db}/_sync_shards", POST, RIGHT_SRVADM, handle_sync_shards, "POST", 0 },
    { "/{db}/_temp_view", ANY, RIGHT_MEMBER, handle_temp_view, "POST", 0 },
    { "/{db}/_find", POST, RIGHT_MEMBER, handle_find, "POST", 0 },
    { "/{db}/_explain", POST, RIGHT_MEMBER, handle_find, "POST", 0 },
    { "/{db}/_index", GET | POST, RIGHT_MEMBER, handle_find, "GET,POST", 0 },
    { "/{db}/_index/{rest}", POST | DEL, RIGHT_MEMBER, handle_find, "POST,DELETE", 0 },
    { "/{db}/_auto_purge", GET, RIGHT_MEMBER, handle_auto_purge_get, "GET,PUT", 0 },
    { "/{db}/_auto_purge", PUT, RIGHT_SRVADM, handle_auto_purge_put, NULL, 0 },
    { "/{db}/_purged_infos", GET, RIGHT_MEMBER, handle_purged_infos, "GET", 0 },
    { "/{db}/_design/{any}/_view/{rest}", ANY, RIGHT_MEMBER, handle_ddoc_function, "GET", 0 },
    { "/{db}/_design/{any}/_info", GET, RIGHT_MEMBER, handle_ddoc_function, "GET", 0 },
    { "/{db}/_design/{any}/_show/{rest}", ANY, RIGHT_MEMBER, handle_ddoc_function, "GET", 0 },
    { "/{db}/_design/{any}/_list/{rest}", ANY, RIGHT_MEMBER, handle_ddoc_function, "GET", 0 },
    { "/{db}/_design/{any}/_update/{rest}", ANY, RIGHT_MEMBER, handle_ddoc_function, "POST", 0 },
    { "/{db}/_design/{any}/_rewrite/{rest}", ANY, RIGHT_MEMBER, handle_ddoc_function, "GET", 0 },
    { "/{db}/_partition/{rest}", ANY, RIGHT_MEMBER, handle_partition, "GET", 0 },
    { "/{db}/_security", GET, RIGHT_MEMBER, handle_security_get, "PUT,GET", 0 },
    { "/{db}/_security", PUT, RIGHT_DBADM, handle_security_put, NULL, 0 },
    { "/{db}/_revs_limit", GET, RIGHT_MEMBER, handle_revs_limit_get, "PUT,GET", 0 },
    { "/{db}/_revs_limit", PUT, RIGHT_DBADM, handle_revs_limit_put, NULL, 0 },
    { "/{db}/_purge", POST, RIGHT_SRVADM, handle_purge, "POST", 0 },
    { "/{db}/_purged_infos_limit", GET, RIGHT_SRVADM, handle_purged_infos_limit_get, "GET,PUT", 0 },
    { "/{db}/_purged_infos_limit", PUT, RIGHT_SRVADM, handle_purged_infos_limit_put, NULL, 0 },
    { "/{db}/_bulk_docs", POST, RIGHT_MEMBER, handle_bulk_docs, "POST", 0 },
    { "/{db}/_bulk_get", POST, RIGHT_MEMBER, handle_bulk_get, "POST", 0 },
    { "/{db}/_missing_revs", POST, RIGHT_MEMBER, handle_missing_revs, "POST", 0 },
    { "/{db}/_revs_diff", POST, RIGHT_MEMBER, handle_revs_diff, "POST", 0 },

    /* documents; "_local/x" before {doc}, which also takes "_design/x" */
    { "/{db}/{local}", GET, RIGHT_MEMBER, handle_local_get, DOC_ALLOW, 0 },
    { "/{db}/{local}", PUT, RIGHT_MEMBER, handle_local_put, NULL, 0 },
    { "/{db}/{local}", DEL, RIGHT_MEMBER, handle_local_delete, NULL, 0 },
    { "/{db}/{local}", COPY, RIGHT_MEMBER, handle_local_copy, NULL, 0 },
    { "/{db}/{local}", POST, RIGHT_MEMBER, handle_doc_post, NULL, 0 },
    { "/{db}/_local/{any}/{rest}", ANY, RIGHT_MEMBER, handle_local_attachment, "GET", 0 },
    { "/{db}/{doc}", GET, RIGHT_MEMBER, handle_doc_get, DOC_ALLOW, ROUTE_DDOC },
    { "/{db}/{doc}", PUT, RIGHT_MEMBER, handle_doc_put, NULL, ROUTE_DDOC },
    { "/{db}/{doc}", DEL, RIGHT_MEMBER, handle_doc_delete, NULL, ROUTE_DDOC },
    { "/{db}/{doc}", COPY, RIGHT_MEMBER, handle_doc_copy, NULL, ROUTE_DDOC },
    { "/{db}/{doc}", POST, RIGHT_MEMBER, handle_doc_post, NULL, ROUTE_DDOC },
    { "/{db}/{doc}/{att}", GET, RIGHT_MEMBER, handle_att_get, "DELETE,GET,HEAD,PUT", ROUTE_DDOC },
    { "/{db}/{doc}/{att}", PUT, RIGHT_MEMBER, handle_att_put, NULL, ROUTE_DDOC },
    { "/{db}/{doc}/{att}", DEL, RIGHT_MEMBER, handle_att_delete, NULL, ROUTE_DDOC },
    { NULL, 0, RIGHT_SRVADM, NULL, NULL, 0 },
};
/* clang-format on */
