// How hits and sites are shown: the same in both dialects.
import type { Hit } from '../domain/pixel.js';
import { seconds } from './dialect.js';

/** A hit as an endpoint is told of it. */
export const pixelTold = ({ event, url, referrer, device, properties, trackedAt }: Hit) => ({
  event,
  url,
  referrer,
  device,
  properties,
  tracked_at: seconds(trackedAt),
});

/** Body of `GET /pixel/config`. Nothing is sampled. */
export const pixelConfig = (enabled: boolean): object => ({
  enabled,
  features: { pageviews: true, events: true, sessions: true },
  sample_rate: 1,
});
