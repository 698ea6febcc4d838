// A test call: one signed request to an endpoint, under the same rules as a delivery, but nothing is recorded.
import { type CommandContext, idFor } from '../commands/context.js';
import type { SecretBox } from '../commands/webhooks.js';
import type { Dialect } from '../dialects/dialect.js';
import { payload } from '../dialects/payloads.js';
import { publicId } from '../domain/ids.js';
import type { WebhookRecord } from '../domain/webhooks.js';
import type { Outcome, Poster } from './post.js';
import { announcement, secretsAt, signatures } from './sign.js';

export const TEST_TYPE = 'webhook.test';

export type TestCallDeps = {
  readonly poster: Pick<Poster, 'send'>;
  readonly secrets: Pick<SecretBox, 'open'>;
  readonly timeoutMs: number;
};
/** Who asks, when, and the workspace of the endpoint. */
type Asking = {
  readonly command: CommandContext;
  readonly now: Date;
  readonly workspace: { readonly number: number };
};
export type TestCall = (endpoint: WebhookRecord, asking: Asking) => Promise<Outcome>;

const idIn = (dialect: Dialect, { id, number }: WebhookRecord) =>
  dialect === '2026' ? number : publicId('webhook', id);

export const testCall =
  ({ poster, secrets, timeoutMs }: TestCallDeps): TestCall =>
  (endpoint, { command, now, workspace }) => {
    const { scheme, url } = endpoint;
    const timestamp = Math.floor(now.getTime() / 1000);
    const id = idFor(command, 'test-event');
    const eventId = publicId('event', id);
    const record = { id: idIn(scheme, endpoint), message: 'This is a test event.' };
    const told = { id, type: TEST_TYPE, at: now.toISOString(), workspaceNumber: workspace.number, record };
    const body = JSON.stringify(payload(scheme, told));
    const deliveryId = publicId('delivery', idFor(command, 'test-delivery'));
    const headers = {
      ...announcement({ eventId, eventType: TEST_TYPE, deliveryId, timestamp }),
      ...signatures({ scheme, ...secretsAt(endpoint, now, secrets), eventId, timestamp, body }),
    };
    return poster.send({ url, headers, body, timeoutMs });
  };
