// What the process measures, in a registry of its own, for Prometheus to read.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Soon } from '../domain/soon.js';

/** Instruments for the parts to feed; each says in `help` what it counts. */
export const createMetrics = () => {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requestSeconds = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Duration of requests, by method, route pattern and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  });
  const beforeScrape: (() => Soon<void>)[] = [];
  return {
    registry,
    /** Called with the route pattern, never with a path. */
    request: (method: string, route: string, status: number, seconds: number): void =>
      requestSeconds.observe({ method, route, status }, seconds),
    /** Runs before each reading: to set gauges that nobody else needs to keep current. */
    onScrape: (update: () => Soon<void>): void => {
      beforeScrape.push(update);
    },
    /** All metrics in Prometheus' text format. */
    async text(): Promise<string> {
      await Promise.all(beforeScrape.map((update) => update()));
      return registry.metrics();
    },
    logAppends: new Counter({
      name: 'event_log_appends_total',
      help: 'Appends to the event log.',
      registers,
    }),
    logSyncSeconds: new Histogram({
      name: 'event_log_sync_duration_seconds',
      help: 'Time of each write and sync of the event log.',
      buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1],
      registers,
    }),
    projectionLag: new Gauge({
      name: 'projection_lag',
      help: 'Distance of each handler from the head of the event log, in positions.',
      labelNames: ['handler'],
      registers,
    }),
    projectionFailing: new Gauge({
      name: 'projection_failing',
      help: '1 while a handler fails on an event, else 0.',
      labelNames: ['handler'],
      registers,
    }),
    lateReads: new Counter({
      name: 'read_models_late_total',
      help: 'Writes that were answered before the read models had seen them.',
      registers,
    }),
    queueDepth: new Gauge({
      name: 'delivery_queue_depth',
      help: 'Deliveries waiting or under way.',
      registers,
    }),
    deliveryAttempts: new Counter({
      name: 'delivery_attempts_total',
      help: 'Attempts to deliver a webhook, by outcome.',
      labelNames: ['outcome'],
      registers,
    }),
  };
};
export type Metrics = ReturnType<typeof createMetrics>;
