"""The listener: what Envoy accepts on the port of the API, and what a call passes through.

The limits follow Envoy's advice for the edge:
https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge.
"""

from collections.abc import Sequence
from datetime import timedelta

import betterproto2
from envoy_data_plane.envoy.config.accesslog.v3 import (
    AccessLogFilter,
    AndFilter,
    ComparisonFilter,
    ComparisonFilterOp,
    HeaderFilter,
    StatusCodeFilter,
)
from envoy_data_plane.envoy.config.core.v3 import (
    Address,
    DataSource,
    HeaderValue,
    HeaderValueOption,
    HeaderValueOptionHeaderAppendAction,
    Http1ProtocolOptions,
    Http2ProtocolOptions,
    HttpProtocolOptions,
    HttpProtocolOptionsHeadersWithUnderscoresAction,
    RuntimeUInt32,
    SubstitutionFormatString,
    TypedExtensionConfig,
)
from envoy_data_plane.envoy.config.listener.v3 import (
    AdditionalAddress,
    Filter,
    FilterChain,
    Listener,
)
from envoy_data_plane.envoy.config.route.v3 import HeaderMatcher, RouteConfiguration, VirtualHost
from envoy_data_plane.envoy.extensions.compression.brotli.compressor.v3 import Brotli
from envoy_data_plane.envoy.extensions.compression.gzip.compressor.v3 import Gzip
from envoy_data_plane.envoy.extensions.filters.http.compressor.v3 import (
    Compressor,
    CompressorCommonDirectionConfig,
    CompressorResponseDirectionConfig,
)
from envoy_data_plane.envoy.extensions.filters.http.cors.v3 import Cors, CorsPolicy
from envoy_data_plane.envoy.extensions.filters.http.grpc_json_transcoder.v3 import (
    GrpcJsonTranscoder,
    GrpcJsonTranscoderPrintOptions,
    GrpcJsonTranscoderRequestValidationOptions,
    GrpcJsonTranscoderUrlUnescapeSpec,
)
from envoy_data_plane.envoy.extensions.filters.http.health_check.v3 import HealthCheck
from envoy_data_plane.envoy.extensions.filters.http.lua.v3 import Lua
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpConnectionManagerPathWithEscapedSlashesAction,
    HttpConnectionManagerServerHeaderTransformation,
    HttpFilter,
    LocalReplyConfig,
    RequestIdExtension,
    ResponseMapper,
)
from envoy_data_plane.envoy.extensions.request_id.uuid.v3 import UuidRequestIdConfig
from envoy_data_plane.envoy.type.matcher.v3 import RegexMatcher, StringMatcher
from envoy_data_plane.envoy.type.v3 import Percent
from envoy_data_plane.google.protobuf import Any

from sessions.gateway.contract import Contract
from sessions.gateway.edge_errors import rest_body
from sessions.gateway.lua import lua_source
from sessions.gateway.pages import LARGEST_FILE, page_routes
from sessions.gateway.routes import (
    BODY_LIMIT,
    TRANSCODER,
    WORKERS,
    api_routes,
    body_limit,
    retry_policy,
)
from sessions.gateway.tls import CallerTls, caller_socket

_HEALTH_PATH = StringMatcher(exact="/healthz")


def listener(
    addresses: Sequence[Address],
    contract: Contract,
    request_timeout: float,
    cors_origins: Sequence[str],
    tls: CallerTls | None,
) -> Listener:
    """Returns the listener of the API on one or more addresses."""
    first, *others = addresses
    manager = _connection_manager(contract, _routes(contract, request_timeout, cors_origins))
    return Listener(
        name="edge",
        address=first,
        additional_addresses=[AdditionalAddress(address=other) for other in others],
        per_connection_buffer_limit_bytes=contract.max_request_bytes,
        filter_chains=[
            FilterChain(
                filters=[
                    Filter(
                        name="envoy.filters.network.http_connection_manager",
                        typed_config=Any.pack(manager),
                    )
                ],
                transport_socket=caller_socket(tls) if tls else None,
                transport_socket_connect_timeout=timedelta(seconds=10),  # slow handshakes
            )
        ],
    )


def _connection_manager(contract: Contract, routes: RouteConfiguration) -> HttpConnectionManager:
    return HttpConnectionManager(
        stat_prefix="edge",
        # Time. A stream may live for hours as long as something moves on it.
        request_headers_timeout=timedelta(seconds=10),  # slow headers hold a connection
        request_timeout=timedelta(seconds=300),  # slow bodies hold memory; ends with the answer
        stream_idle_timeout=timedelta(seconds=300),
        # Size. HTTP/2 resets a stream whose headers are beyond these limits, without an answer.
        # Hence they are wider than the API's own, which requests.lua enforces.
        max_request_headers_kb=1024,
        common_http_protocol_options=HttpProtocolOptions(
            idle_timeout=timedelta(seconds=3600),
            max_headers_count=1000,
            # An underscore can't pass for a dash.
            headers_with_underscores_action=(
                HttpProtocolOptionsHeadersWithUnderscoresAction.DROP_HEADER
            ),
        ),
        # 64 KiB of a stream and 1 MiB of a connection are in flight at most.
        http2_protocol_options=Http2ProtocolOptions(
            max_concurrent_streams=100,
            initial_stream_window_size=65_536,
            initial_connection_window_size=1_048_576,
            max_header_field_size_kb=256,  # Envoy's most; beyond it the connection ends
        ),
        http_protocol_options=Http1ProtocolOptions(
            accept_http_10=True,  # nginx in front speaks it unless told otherwise
            default_host_for_http_10="localhost",
            # No call is a WebSocket.
            ignore_http_11_upgrade=[StringMatcher(safe_regex=RegexMatcher(regex=".*"))],
        ),
        # Path. An escaped slash stays inside its segment, so an id never becomes two.
        normalize_path=True,
        merge_slashes=True,
        path_with_escaped_slashes_action=(
            HttpConnectionManagerPathWithEscapedSlashesAction.KEEP_UNCHANGED
        ),
        # Identity. No caller is trusted with Envoy's own headers; a request id is kept as it is.
        use_remote_address=True,
        server_header_transformation=(  # workers send none, so there is none
            HttpConnectionManagerServerHeaderTransformation.PASS_THROUGH
        ),
        preserve_external_request_id=True,
        always_set_request_id_in_response=True,
        request_id_extension=RequestIdExtension(
            typed_config=Any.pack(UuidRequestIdConfig(pack_trace_reason=False))
        ),
        local_reply_config=_local_replies(contract),
        http_filters=_http_filters(contract),
        route_config=routes,
    )


def _local_replies(contract: Contract) -> LocalReplyConfig:
    """Envoy's own answers. The header and the status ahead of the text are for errors.lua.

    Where the headers of a worker's answer are there, and the rest of it does not come, Envoy's
    answer passes no filter: what is the service's fault is complete here.
    """
    status_and_text = SubstitutionFormatString(
        text_format_source=DataSource(inline_string="%RESPONSE_CODE% %LOCAL_REPLY_BODY%")
    )
    serving = SubstitutionFormatString(
        text_format_source=DataSource(inline_string='{"status":"SERVING"}'),
        content_type="application/json",
    )
    healthy = AndFilter(
        filters=[
            _status_filter(ComparisonFilterOp.EQ, 200, "ok"),
            AccessLogFilter(
                header_filter=HeaderFilter(
                    header=HeaderMatcher(name=":path", string_match=_HEALTH_PATH)
                )
            ),
        ]
    )
    return LocalReplyConfig(
        mappers=[
            ResponseMapper(
                filter=AccessLogFilter(and_filter=healthy), body_format_override=serving
            ),
            ResponseMapper(  # an unknown transfer coding is the caller's fault
                filter=_status_filter(ComparisonFilterOp.EQ, 501, "coding"),
                status_code=400,
                headers_to_add=[_edge_status("400")],
                body_format_override=status_and_text,
            ),
            # A worker broke off, or none took a request of more than 64 KiB, which is too much to
            # be kept for another attempt.
            _fault(contract, 502, 503),
            _fault(contract, 507, 503),
            *(_fault(contract, status, status) for status in (500, 503, 504)),
            ResponseMapper(
                filter=_status_filter(ComparisonFilterOp.GE, 400, "error"),
                headers_to_add=[_edge_status("%RESPONSE_CODE%")],
                body_format_override=status_and_text,
            ),
        ]
    )


def _fault(contract: Contract, found: int, shown: int) -> ResponseMapper:
    # Behind the headers of a worker's answer no filter sees this one.
    not_kept = HeaderValueOption(header=HeaderValue(key="cache-control", value="no-store"))
    body = rest_body(contract, shown).replace("%", "%%")
    return ResponseMapper(
        filter=_status_filter(ComparisonFilterOp.EQ, found, f"fault_{found}"),
        status_code=shown,
        headers_to_add=[_edge_status(str(shown)), not_kept],
        body_format_override=SubstitutionFormatString(
            text_format_source=DataSource(inline_string=body), content_type="application/json"
        ),
    )


def _status_filter(op: ComparisonFilterOp, status: int, key: str) -> AccessLogFilter:
    value = RuntimeUInt32(default_value=status, runtime_key=key)
    return AccessLogFilter(
        status_code_filter=StatusCodeFilter(comparison=ComparisonFilter(op=op, value=value))
    )


def _edge_status(value: str) -> HeaderValueOption:
    return HeaderValueOption(header=HeaderValue(key="x-edge-status", value=value))


def _http_filters(contract: Contract) -> list[HttpFilter]:
    """What a request passes downwards and an answer upwards."""
    return [
        _filter("gzip", _compressor("gzip", Gzip())),
        _filter("brotli", _compressor("brotli", Brotli())),
        _filter("cors", Cors()),
        _filter("errors", Lua(default_source_code=DataSource(inline_string=lua_source(contract)))),
        _filter(
            "healthz",
            HealthCheck(
                pass_through_mode=False,
                headers=[HeaderMatcher(name=":path", string_match=_HEALTH_PATH)],
                cluster_min_healthy_percentages={WORKERS: Percent(value=1)},  # no fractions
            ),
        ),
        _filter(BODY_LIMIT, body_limit(contract), disabled=True),
        _filter(TRANSCODER, _transcoder(contract)),
        _filter("envoy.filters.http.router", Router(suppress_envoy_headers=True)),
    ]


def _filter(name: str, config: betterproto2.Message, *, disabled: bool = False) -> HttpFilter:
    return HttpFilter(name=name, typed_config=Any.pack(config), disabled=disabled)


def _compressor(name: str, library: betterproto2.Message) -> Compressor:
    """JSON and text are compressed, gRPC is not: that is the default list of types."""
    return Compressor(
        response_direction_config=CompressorResponseDirectionConfig(
            # Less fits in one packet anyway.
            common_config=CompressorCommonDirectionConfig(min_content_length=1024)
        ),
        compressor_library=TypedExtensionConfig(name=name, typed_config=Any.pack(library)),
    )


def _transcoder(contract: Contract) -> GrpcJsonTranscoder:
    return GrpcJsonTranscoder(
        proto_descriptor=str(contract.descriptors),
        services=contract.services,
        print_options=GrpcJsonTranscoderPrintOptions(
            preserve_proto_field_names=True, always_print_primitive_fields=True
        ),
        # As http.proto says for a variable of one segment.
        url_unescape_spec=GrpcJsonTranscoderUrlUnescapeSpec.ALL_CHARACTERS,
        query_param_unescape_plus=True,
        convert_grpc_status=True,
        request_validation_options=GrpcJsonTranscoderRequestValidationOptions(
            reject_unknown_method=True, reject_unknown_query_parameters=True
        ),
        # Over HTTP/2 both would be the stream's window.
        max_request_body_size=contract.max_request_bytes,
        max_response_body_size=16_777_216,  # JSON of a 4 MiB message, gRPC's own limit
    )


def _routes(
    contract: Contract, request_timeout: float, cors_origins: Sequence[str]
) -> RouteConfiguration:
    host = VirtualHost(
        name="api",
        domains=["*"],
        typed_per_filter_config=_cors(cors_origins),
        # A worker has its own limit for headers, and the query would count twice.
        request_headers_to_remove=["x-envoy-original-path", "x-envoy-original-method"],
        # gRPC demands it, and a worker breaks off a call without it; some clients leave it out.
        request_headers_to_add=[
            HeaderValueOption(
                header=HeaderValue(key="te", value="trailers"),
                append_action=HeaderValueOptionHeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
            )
        ],
        retry_policy=retry_policy(),
        routes=[*api_routes(contract, request_timeout), *page_routes()],
    )
    return RouteConfiguration(
        max_direct_response_body_size_bytes=LARGEST_FILE, virtual_hosts=[host]
    )


def _cors(origins: Sequence[str]) -> dict[str, Any]:
    """The CORS policy; without origins there is none, and Envoy's filter does nothing."""
    if not origins:
        return {}
    policy = CorsPolicy(
        allow_origin_string_match=[StringMatcher(exact=origin) for origin in origins],
        allow_methods="GET, HEAD, POST",
        allow_headers="authorization, content-type, x-request-id, x-sessions-position",
        expose_headers=(
            "content-disposition, link, ratelimit, ratelimit-policy, retry-after, x-request-id, "
            "x-sessions-position"
        ),
        max_age="86400",
    )
    return {"cors": Any.pack(policy)}
