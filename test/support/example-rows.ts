// Feeds the examples of the catalogue to every read model, as the follower would, into any store of read models.
import type { Batch } from '../../src/adapters/event-log/port.js';
import type { ReadModels } from '../../src/adapters/read-models/port.js';
import { projections } from '../../src/app/models.js';
import { catalogue } from '../../src/domain/catalogue.js';
import { apiKeyUsesHandler } from '../../src/projections/api-key-uses.js';
import { projectionHandler } from '../../src/projections/runner.js';
import { recorded } from './projected.js';

const LOG = '01980000-0000-7000-8000-000000000001';
const RECORD = '01980000-0000-7000-8000-0000000000aa';

/** Handles the example of each event type, one after the other; `seen` is called when all read models have seen it. */
export const feedExamples = async (readModels: ReadModels, seen: () => Promise<void>): Promise<void> => {
  const handlers = [
    ...projections.map((projection) => projectionHandler(projection, readModels, LOG)),
    apiKeyUsesHandler(readModels, LOG),
  ];
  let position = 0;
  for (const { type, category, example } of catalogue.values()) {
    const event = recorded({ type, data: example }, `${category}-${RECORD}`, position);
    const batch: Batch = { events: [event], position, caughtUp: true };
    for (const handler of handlers) if (handler.types.has(type)) await handler.handle(batch);
    await seen();
    position += 1;
  }
};
