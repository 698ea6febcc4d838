// The delivery queue: disposable (it is refilled from the deliveries read model). Every adapter passes test/contract/delivery-queue*.ts.

/** Ids only, never bodies or secrets. Job key = `${deliveryId}.${attempt}`. */
export type Job = { readonly deliveryId: string; readonly endpointId: string; readonly attempt: number };

export interface DeliveryQueue {
  /** Adds jobs due at an instant (Unix ms). A job already waiting moves to the earlier time; one being worked on stays. */
  add(jobs: readonly { job: Job; at: number }[]): Promise<void>;
  /**
   * Hands due jobs to the handler, at most `concurrency` at once and `perEndpoint` per endpoint. An endpoint whose jobs
   * take a second or more gets one place, and all such together half of the places.
   * A handler that throws ends its job (the sweep puts it back). Call once.
   */
  work(handler: (job: Job) => Promise<void>, limits: { concurrency: number; perEndpoint: number }): void;
  /** Jobs waiting or being worked on. */
  depth(): Promise<number>;
  /** Takes no further jobs and waits for those in hand. */
  close(): Promise<void>;
}

export const jobKey = ({ deliveryId, attempt }: Job): string => `${deliveryId}.${attempt}`;
