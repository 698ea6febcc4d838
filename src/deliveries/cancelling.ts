// Cancels what is open for an endpoint that is gone: in the background and page by page, as there may be much of it.
import type { ReadModels } from '../adapters/read-models/port.js';
import { systemContext } from '../commands/context.js';
import type { Outcomes } from '../commands/deliveries.js';
import type { CancelReason } from '../domain/deliveries.js';
import type { DeliveryRow } from '../projections/deliveries.js';

export type Cancelling = {
  /** Starts, or goes over it once more when it is under way. Never throws: the sweep comes back to what failed. */
  cancel(endpointId: string, reason: CancelReason): void;
  /** Ends what is under way, and waits for it. */
  stop(): Promise<void>;
};

/** `page` = deliveries cancelled together. */
export const cancelling = (
  readModels: ReadModels,
  outcomes: Outcomes,
  report: { warn(message: string, details: object): void },
  page = 500,
): Cancelling => {
  const running = new Map<string, { again: boolean; done: Promise<void> }>();
  let stopping = false;

  const cancelPage = async (endpointId: string, reason: CancelReason, after: number) => {
    const checkpoint = await readModels.checkpoint('deliveries');
    const rows = await readModels.find<DeliveryRow>('deliveries', {
      where: [
        { field: 'openFor', op: 'eq', value: endpointId },
        { field: 'number', op: 'gt', value: after },
      ],
      sort: [['number', 'asc']],
      limit: page,
    });
    const seenTo = checkpoint?.position ?? -1;
    await Promise.all(
      rows.map((delivery) =>
        outcomes.handle({ delivery, seenTo }, { type: 'Cancel', reason }, systemContext('deliveries')),
      ),
    );
    return rows.length < page ? undefined : rows.at(-1)?.number;
  };

  const run = async (endpointId: string, reason: CancelReason, state: { again: boolean }) => {
    try {
      do {
        state.again = false;
        let after: number | undefined = 0;
        while (after !== undefined && !stopping) after = await cancelPage(endpointId, reason, after);
      } while (state.again && !stopping);
    } catch (error) {
      report.warn('deliveries could not be cancelled; the next sweep tries again', {
        endpoint: endpointId,
        error: error instanceof Error ? error.message : String(error),
      });
    }
    running.delete(endpointId);
  };

  return {
    cancel(endpointId, reason) {
      const known = running.get(endpointId);
      if (known) {
        known.again = true;
        return;
      }
      const state = { again: false, done: Promise.resolve() };
      running.set(endpointId, state);
      state.done = run(endpointId, reason, state);
    },
    async stop() {
      stopping = true;
      await Promise.all([...running.values()].map(({ done }) => done));
      stopping = false;
    },
  };
};
