// The effects around decisions about deliveries that a caller asks for: a manual retry.
import type { ReadModels, Row } from '../adapters/read-models/port.js';
import type { Delivery, DeliveryCommand, DeliveryEvent } from '../domain/deliveries.js';
import { notFound } from '../domain/errors.js';
import type { CommandContext } from './context.js';

/** A delivery's row, and the position up to which the read model is known to be complete. */
export type Sighting = { readonly delivery: Row & Delivery; readonly seenTo: number };

/** What a command came to: the delivery after it, its own events, and the position to wait for (-1 = none). */
export type Settled = {
  readonly delivery: Delivery;
  readonly events: readonly DeliveryEvent[];
  readonly position: number;
};

/** The writer of the endpoints' outcomes. */
export type Outcomes = {
  /** Decides on the delivery as it is now, and appends. Throws DomainError, LogUnavailable, RevisionConflict. */
  handle(sighting: Sighting, command: DeliveryCommand, context: CommandContext): Promise<Settled>;
  /** The delivery as it is now, also where its row is behind. */
  current(sighting: Sighting): Promise<Delivery>;
};

/** The row of one delivery; undefined when there is none (yet). */
export const sight = async (readModels: ReadModels, deliveryId: string): Promise<Sighting | undefined> => {
  // In this order: what the checkpoint covers is then in the row.
  const checkpoint = await readModels.checkpoint('deliveries');
  const delivery = await readModels.get<Row & Delivery>('deliveries', deliveryId);
  return delivery && { delivery, seenTo: Math.max(checkpoint?.position ?? -1, delivery.position) };
};

export type DeliveryCommands = {
  /**
   * Has a delivery sent again, or sooner. Answers the attempt that is now due, and the position to wait for where
   * anything was appended. `maxAttempts` is the length of its endpoint's schedule.
   */
  retry(
    deliveryId: string,
    maxAttempts: number,
    context: CommandContext,
  ): Promise<{ delivery: Delivery; position?: number }>;
};

export const deliveryCommands = (
  readModels: ReadModels,
  outcomes: Outcomes,
  now: () => Date,
): DeliveryCommands => ({
  async retry(deliveryId, maxAttempts, context) {
    const sighting = await sight(readModels, deliveryId);
    if (!sighting) throw notFound();
    const command = { type: 'RequestRetry', maxAttempts, now: now().toISOString() } as const;
    const { delivery, events, position } = await outcomes.handle(sighting, command, context);
    // A repeated command is answered as it was the first time, whatever has become of the delivery since.
    const [event] = events;
    const attempt = event?.type === 'DeliveryRetryRequested' ? event.data.attempt : delivery.attempt;
    return { delivery: { ...delivery, status: 'pending', attempt }, ...(event ? { position } : {}) };
  },
});
