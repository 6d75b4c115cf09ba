"""Sending spans to a collector, when the environment names one."""

from __future__ import annotations

from .logs import log


class ExportError(Exception):
    """Spans cannot be sent; the text says what is missing."""


def export_spans(version: str) -> None:
    """Send spans to ``OTEL_EXPORTER_OTLP_ENDPOINT`` from now on; its siblings are obeyed too.

    Raises:
        ExportError: the libraries are not there.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise ExportError(
            "OTEL_EXPORTER_OTLP_ENDPOINT: needs pip install 'smooth-operator-server[otel]'"
        ) from None
    from opentelemetry import trace

    about = Resource.create({"service.name": "smooth-operator", "service.version": version})
    provider = TracerProvider(resource=about)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    log.info("spans are exported")
