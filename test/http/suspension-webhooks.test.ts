// What endpoints are told when a workspace or namespace is suspended and resumed: once each, signed, in both dialects.
import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/api.js';
import { type Received, type Receiver, startReceiver } from '../support/receiver.js';
import { createWebhook, legacy, type MadeWebhook } from '../support/webhooks.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true' });
});
afterAll(() => app.stop());

const sha256 = (secret: string, text: string) => createHmac('sha256', secret).update(text).digest('hex');
/** The body of what was received, when its signatures are right. */
const verified = ({ headers, body }: Received, { secret }: MadeWebhook, style: object) => {
  const signature =
    style === legacy
      ? `sha256=${sha256(secret, body)}`
      : sha256(secret, `${headers['x-webhook-timestamp']}.${body}`);
  expect(headers['x-webhook-signature']).toBe(signature);
  return new Webhook(secret).verify(body, headers as Record<string, string>) as Record<string, unknown>;
};

/** One of a kind, in a workspace of its own. */
const newRecord = async (kind: string) => {
  const payer = (await app.call('POST', '/workspaces', { body: { name: 'Acme' } })).body.data;
  const headers = { 'X-Workspace-ID': String(payer.id) };
  const body = { name: 'Client' };
  const record =
    kind === 'workspace' ? payer : (await app.call('POST', '/namespaces', { body, headers })).body.data;
  return { headers, payer: payer.id as number, id: record.id as number };
};
const listening = async (receiver: Receiver, kind: string, headers: object, style: object) => {
  const more = { url: receiver.url, events: [`${kind}.updated`] };
  const endpoint = await createWebhook(app, more, { ...headers, ...style });
  const recorded = async () => {
    const { body } = await app.call('GET', `/webhooks/${endpoint.id}/deliveries`, {
      headers: { ...headers },
    });
    return body.data.length as number;
  };
  return { receiver, endpoint, style, recorded };
};

test.each(['workspace', 'namespace'])('a %s that is suspended, and then resumed', async (kind) => {
  const { headers, payer, id } = await newRecord(kind);
  const type = `${kind}.updated`;
  const receivers = await Promise.all([startReceiver(), startReceiver()]);
  const [newer, older] = await Promise.all([
    listening(receivers[0], kind, headers, {}),
    listening(receivers[1], kind, headers, legacy),
  ]);
  const change = (verb: string) => app.call('POST', `/${kind}s/${id}/entitlements/${verb}`);
  const steps = [
    ['suspend', 'suspended'],
    ['resume', 'active'],
  ] as const;
  for (const [n, [verb, status]] of steps.entries()) {
    await change(verb);
    await change(verb); // changes nothing, and tells nobody
    await app.waitForAll();
    const bodies = await Promise.all(
      [newer, older].map(async ({ receiver, endpoint, style, recorded }) => {
        await receiver.waitFor(n + 1);
        expect([await recorded(), receiver.requests.length]).toEqual([n + 1, n + 1]);
        return verified(receiver.requests[n] as Received, endpoint, style);
      }),
    );
    expect(bodies).toEqual([
      expect.objectContaining({ type, workspace_id: payer, data: expect.objectContaining({ id, status }) }),
      expect.objectContaining({
        type,
        data: {
          object: {
            id: expect.stringMatching(kind === 'workspace' ? /^wks_/ : /^ns_/),
            type: kind,
            attributes: expect.objectContaining({ status }),
          },
        },
      }),
    ]);
  }
  await Promise.all(receivers.map((receiver) => receiver.stop()));
});
