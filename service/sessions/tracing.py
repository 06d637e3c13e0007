"""Traces by OpenTelemetry: a span for each call and for each statement, sent to a collector.

While they are off, which is the default, a span costs a comparison, and the SDK is not loaded.
Where they go and which are kept is said by the variables that OpenTelemetry defines, which its
SDK reads: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import metadata
from threading import Timer
from typing import TYPE_CHECKING, Any, TypeAlias

from opentelemetry.propagate import extract
from opentelemetry.trace import Span, SpanKind, Tracer, get_current_span

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

Attributes: TypeAlias = Mapping[str, str]

_LAST_SECONDS = 1.0

NO_SPAN: AbstractContextManager[None] = nullcontext()

_tracer: Tracer | None = None
"""One for the process, as the current span is: statements need not be told of it."""


@contextmanager
def sending_traces(protocol: str | None, instance: str) -> Iterator[None]:
    """Send spans for the length of the block, and those that are left at its end.

    Args:
        protocol: that of the collector, `grpc` or `http/protobuf`; None sends nothing.
        instance: tells this process from others of the service.
    """
    global _tracer
    if protocol is None:
        yield
        return
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    version = metadata.version("analytics-sessions-service")
    resource = Resource({SERVICE_NAME: "sessions", "service.version": version})
    # The user's variables win over ours.
    resource = resource.merge(_configured(Resource.create({"service.instance.id": instance})))
    provider = TracerProvider(resource=resource)
    exporter = _exporter(protocol)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracer = provider.get_tracer("sessions", version)
    try:
        yield
    finally:
        _tracer = None
        # A collector that is away must not hold up the end: its exporter tries again for longer.
        giving_up = Timer(_LAST_SECONDS, exporter.shutdown)
        giving_up.start()
        provider.shutdown()
        giving_up.cancel()


def _configured(resource: Any) -> Any:
    """A resource without the name that the SDK makes up where the user has given none."""
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource

    attributes = dict(resource.attributes)
    if str(attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        del attributes[SERVICE_NAME]
    return Resource(attributes)


def _exporter(protocol: str) -> "SpanExporter":
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter()
    from opentelemetry.exporter.otlp.proto.http import trace_exporter

    return trace_exporter.OTLPSpanExporter()


def is_tracing() -> bool:
    """Whether spans are sent."""
    return _tracer is not None


def server_span(
    name: str, headers: Mapping[str, str | bytes], attributes: Attributes
) -> AbstractContextManager[Span | None]:
    """A span around a call, below the one that its headers name (W3C Trace Context)."""
    if _tracer is None:
        return NO_SPAN
    texts = {key: value for key, value in headers.items() if isinstance(value, str)}
    return _tracer.start_as_current_span(
        name,
        extract(texts),
        SpanKind.SERVER,
        attributes,
        # How the call ended is said by whoever answers it.
        record_exception=False,
        set_status_on_exception=False,
    )


def client_span(name: str, attributes: Attributes) -> AbstractContextManager[Span | None]:
    """A span around what another program is asked for on behalf of a call.

    Background jobs have none: they would make a trace of every look at the database.
    """
    if _tracer is None or not get_current_span().get_span_context().is_valid:
        return NO_SPAN
    return _tracer.start_as_current_span(
        name,
        kind=SpanKind.CLIENT,
        attributes=attributes,
        # Its text may hold values of rows.
        record_exception=False,
        set_status_on_exception=False,
    )


def trace_ids() -> dict[str, str]:
    """The ids of the current trace and span, for log lines; empty where there is none."""
    if _tracer is None:
        return {}
    context = get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
