"""Sends the same measurements by the SDK of OpenTelemetry, cumulative and as deltas, in five exports each."""

import sys

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

url = sys.argv[1]
resource = Resource.create({"host.name": "sdk-host", "service.name": "lab"})

for name in ("cumulative", "delta"):
    temporality = {}
    if name == "delta":
        temporality = {Counter: AggregationTemporality.DELTA, Histogram: AggregationTemporality.DELTA}
    exporter = OTLPMetricExporter(endpoint=url, preferred_temporality=temporality)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    provider = MeterProvider(resource=resource, metric_readers=[reader], shutdown_on_exit=False)
    meter = provider.get_meter("lab")
    requests = meter.create_counter(f"{name}.requests", unit="1", description="Requests")
    latency = meter.create_histogram(f"{name}.latency", unit="ms")
    open_now = meter.create_up_down_counter(f"{name}.open")
    temperature = meter.create_gauge(f"{name}.temperature", unit="Cel")
    for i in range(1, 6):
        requests.add(i, {"path": "/"})
        latency.record(10.0 * i)
        open_now.add(1 if i < 5 else -1)
        temperature.set(20 + i * 0.3)
        assert provider.force_flush(), "not exported"
    provider.shutdown()
