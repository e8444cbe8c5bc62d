import { Counter, Histogram, Registry } from 'prom-client';

/** Upper bounds in seconds; the rollout policies of core choose among these in milliseconds. */
const LATENCY_BUCKETS_SECONDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
];

export interface ServerMetrics {
  readonly contentType: string;
  observe(status: number, seconds: number): void;
  /** Prometheus exposition format. */
  text(): Promise<string>;
}

/** Counts scoring requests only: probes and scrapes would make the server look busier and faster. */
export function createServerMetrics(labels: Readonly<Record<string, string>>): ServerMetrics {
  const registry = new Registry();
  registry.setDefaultLabels(labels);
  const requests = new Counter({
    name: 'orrery_score_requests_total',
    help: 'Scoring requests by status of the answer',
    labelNames: ['status'],
    registers: [registry],
  });
  const duration = new Histogram({
    name: 'orrery_score_duration_seconds',
    help: 'Time from the arrival of a scoring request to the end of its answer',
    buckets: [...LATENCY_BUCKETS_SECONDS],
    registers: [registry],
  });
  return {
    contentType: registry.contentType,
    observe(status, seconds) {
      requests.inc({ status: String(status) });
      duration.observe(seconds);
    },
    text: () => registry.metrics(),
  };
}
