import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { Resource } from '@opentelemetry/resources';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import {
  makeWorkflowExporter,
  OpenTelemetryActivityInboundInterceptor,
} from '@temporalio/interceptors-opentelemetry';
import type { WorkerOptions } from '@temporalio/worker';

/**
 * Traces of workflows and activities, sent by OTLP over HTTP when the standard variable
 * OTEL_EXPORTER_OTLP_ENDPOINT names a collector; without it nothing is sent.
 */
export function telemetryOptions(queue: string): Pick<WorkerOptions, 'sinks' | 'interceptors'> {
  if (process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] === undefined) return {};
  const resource = new Resource({ 'service.name': `orrery-${queue}` });
  const processor = new BatchSpanProcessor(new OTLPTraceExporter());
  return {
    sinks: { exporter: makeWorkflowExporter(processor, resource) },
    interceptors: {
      activity: [(context) => ({ inbound: new OpenTelemetryActivityInboundInterceptor(context) })],
    },
  };
}
