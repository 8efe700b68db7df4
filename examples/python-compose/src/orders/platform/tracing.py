"""Traces by OpenTelemetry. They are off, and nothing of it is loaded, unless OTEL_EXPORTER_OTLP_ENDPOINT is set."""

import logging
import os
import threading
from collections.abc import Callable, Sequence

from opentelemetry import trace

from .about import NAME
from .settings import PlatformSettings

FLUSH = 1.5  # seconds, by which it may delay the stop

log = logging.getLogger(__name__)


def start(settings: PlatformSettings) -> Callable[[], None]:
    """Send traces from now on; gives the function that sends the rest."""
    if settings.otel_exporter_otlp_endpoint is None:
        return lambda: None
    # Its libraries read the environment: this value may have come as a file.
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = str(settings.otel_exporter_otlp_endpoint)

    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

    class Exporter(OTLPSpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            result = super().export(spans)
            if result is not SpanExportResult.SUCCESS:
                log.warning("traces not sent", extra={"spans": len(spans)})
            return result

    named = Resource.create({"service.name": NAME, "service.version": settings.version})
    provider = TracerProvider(resource=named.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(Exporter()))
    trace.set_tracer_provider(provider)

    def stop() -> None:
        flush = threading.Thread(target=provider.shutdown, daemon=True)
        flush.start()
        flush.join(FLUSH)

    return stop
