"""What the service counts and measures, for Prometheus.

Names and labels are those of OpenTelemetry's semantic conventions as Prometheus writes them, where
there are any (https://opentelemetry.io/docs/specs/semconv/), and begin with `sessions_` otherwise.
docs/monitoring.md lists them. They are module constants, as the loggers are: what is measured has
no state that a caller could choose.

Where PROMETHEUS_MULTIPROC_DIR names a folder, values are kept in files there, which whoever started
the process reads; see `sessions.standalone.metrics_page`.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values

if values.ValueClass is not values.MutexValue:
    # One folder a process: a process that is started again goes on with the values of the last
    # one, so that counters never fall and no files are left of it.
    values.ValueClass = values.MultiProcessValue(lambda: 0)  # type: ignore[no-untyped-call]

REGISTRY = CollectorRegistry()

_CALL_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_STATEMENT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1, 2.5, 10, 60)
_FOLD_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

CALL_DURATION = Histogram(
    "rpc_server_call_duration_seconds",
    "Time from a call to its last answer, by method and status.",
    ["rpc_method", "rpc_response_status_code"],
    buckets=_CALL_SECONDS,
    registry=REGISTRY,
)
CALL_ERRORS = Counter(
    "sessions_call_errors",
    "Calls that were answered with an error, by method and reason.",
    ["rpc_method", "reason"],
    registry=REGISTRY,
)

STATEMENT_DURATION = Histogram(
    "db_client_operation_duration_seconds",
    "Time of a statement, by what it does and its table.",
    ["db_query_summary"],
    buckets=_STATEMENT_SECONDS,
    registry=REGISTRY,
)
POOL_WAIT = Histogram(
    "db_client_connection_wait_time_seconds",
    "Time until a connection of the pool was free.",
    ["db_client_connection_pool_name"],
    buckets=_STATEMENT_SECONDS,
    registry=REGISTRY,
)
POOL_TIMEOUTS = Counter(
    "db_client_connection_timeouts",
    "Callers that got no connection in time, or found too many waiting.",
    ["db_client_connection_pool_name"],
    registry=REGISTRY,
)
POOL_CONNECTIONS = Gauge(
    "db_client_connection_count",
    "Connections of the pool, by state: idle or used.",
    ["db_client_connection_pool_name", "db_client_connection_state"],
    multiprocess_mode="sum",
    registry=REGISTRY,
)
POOL_LIMIT = Gauge(
    "db_client_connection_max",
    "Connections that the pool may have.",
    ["db_client_connection_pool_name"],
    multiprocess_mode="sum",
    registry=REGISTRY,
)
POOL_WAITING = Gauge(
    "db_client_connection_pending_requests",
    "Callers that wait for a connection of the pool.",
    ["db_client_connection_pool_name"],
    multiprocess_mode="sum",
    registry=REGISTRY,
)

REPLICA_LAG = Gauge(
    "sessions_replica_lag_seconds",
    "How old the replica that is furthest behind may be; +Inf where one does not answer.",
    multiprocess_mode="max",
    registry=REGISTRY,
)
REPEATED_READS = Counter(
    "sessions_repeated_reads",
    "Reads that a replica failed, and that were repeated on the primary.",
    registry=REGISTRY,
)

EVENTS = Counter(
    "sessions_events",
    "Events that came in, by outcome: new, known (or erased since) or refused.",
    ["outcome"],
    registry=REGISTRY,
)
MERGED_SESSIONS = Counter(
    "sessions_merged", "Sessions that became part of another one.", registry=REGISTRY
)

FOLD_DURATION = Histogram(
    "sessions_fold_duration_seconds",
    "Time of a fold of one website.",
    buckets=_FOLD_SECONDS,
    registry=REGISTRY,
)
FOLD_LAG = Gauge(
    "sessions_fold_lag_seconds",
    "How long the fold of some website has been due.",
    multiprocess_mode="max",
    registry=REGISTRY,
)
FOLD_BACKLOG = Gauge(
    "sessions_fold_backlog",
    "Hours of all websites whose blocks are out of date, the current one among them.",
    multiprocess_mode="mostrecent",
    registry=REGISTRY,
)
BLOCK_BYTES = Gauge(
    "sessions_block_bytes",
    "Size of the table of blocks on disk.",
    multiprocess_mode="mostrecent",
    registry=REGISTRY,
)
BLOCK_SESSIONS = Gauge(
    "sessions_block_sessions",
    "Sessions that blocks hold.",
    multiprocess_mode="mostrecent",
    registry=REGISTRY,
)
DATABASE_BYTES = Gauge(
    "sessions_database_size_bytes",
    "Size of the database on disk.",
    multiprocess_mode="mostrecent",
    registry=REGISTRY,
)

RETENTION_SESSIONS = Counter(
    "sessions_retention_removed_sessions", "Sessions that retention removed.", registry=REGISTRY
)
RETENTION_EVENTS = Counter(
    "sessions_retention_removed_events", "Events that retention removed.", registry=REGISTRY
)
RETENTION_INTERVAL = Gauge(
    "sessions_retention_interval_seconds",
    "Seconds between two runs of retention; 0 where they are disabled.",
    multiprocess_mode="max",
    registry=REGISTRY,
)
RETENTION_SUCCESS = Gauge(
    "sessions_retention_last_success_timestamp_seconds",
    "When a run of retention last ended without an error, as Unix time; 0 before the first.",
    multiprocess_mode="max",
    registry=REGISTRY,
)

for _outcome in ("new", "known", "refused"):
    EVENTS.labels(_outcome)  # shown as 0 until there are some
