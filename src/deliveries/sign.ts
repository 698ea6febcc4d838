// Signing of what is sent to an endpoint: three signatures, so that old and new receivers and any library can verify.
import { createHmac } from 'node:crypto';
import type { SecretBox } from '../commands/webhooks.js';
import type { Scheme, WebhookRecord } from '../domain/webhooks.js';

/** One request to sign. `previousSecret` = the one before a rotation, while it still counts. */
export type Signable = {
  readonly scheme: Scheme;
  readonly secret: string;
  readonly previousSecret?: string | undefined;
  /** Public id of the event: the same at every attempt and endpoint. */
  readonly eventId: string;
  /** Unix seconds of this attempt. */
  readonly timestamp: number;
  /** The exact text of the request's body. */
  readonly body: string;
};

/** What a request says about itself, besides its signatures. */
export type Announced = {
  readonly eventId: string;
  readonly eventType: string;
  readonly deliveryId: string;
  readonly timestamp: number;
};

const PREFIX = 'whsec_';
const base64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * Key of the Standard Webhooks signature: what stands after `whsec_`, decoded from base64; a secret that is not base64
 * is taken as its UTF-8 bytes, whole. Padding may be left out, as the libraries allow.
 */
export const keyOf = (secret: string): Buffer => {
  const encoded = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret;
  const digits = encoded.replace(/=+$/, '');
  const padded = encoded.length !== digits.length;
  const whole = padded ? encoded.length % 4 === 0 : digits.length % 4 !== 1;
  return base64.test(encoded) && whole ? Buffer.from(encoded, 'base64') : Buffer.from(secret, 'utf8');
};

const hmac = (key: string | Buffer, message: string, encoding: 'hex' | 'base64'): string =>
  createHmac('sha256', key).update(message).digest(encoding);

/** X-Webhook-Signature. 2026: hex HMAC over `<timestamp>.<body>`; 2024: `sha256=` + hex HMAC over the body alone. */
export const signature = (scheme: Scheme, secret: string, timestamp: number, body: string): string =>
  scheme === '2024' ? `sha256=${hmac(secret, body, 'hex')}` : hmac(secret, `${timestamp}.${body}`, 'hex');

/** One `v1,…` of the webhook-signature header (Standard Webhooks 1.0). */
export const standardSignature = (secret: string, eventId: string, timestamp: number, body: string): string =>
  `v1,${hmac(keyOf(secret), `${eventId}.${timestamp}.${body}`, 'base64')}`;

/** The secrets of an endpoint that sign at `now`, opened: the one before a rotation as long as its grace lasts. */
export const secretsAt = (
  endpoint: Pick<WebhookRecord, 'id' | 'secret' | 'previousSecret' | 'previousUntil'>,
  now: Date,
  { open }: Pick<SecretBox, 'open'>,
): Pick<Signable, 'secret' | 'previousSecret'> => {
  const { id, secret, previousSecret, previousUntil } = endpoint;
  const counts = previousSecret !== null && (previousUntil ?? '') > now.toISOString();
  return { secret: open(secret, id), ...(counts ? { previousSecret: open(previousSecret, id) } : {}) };
};

/** The signature headers of one attempt; during a rotation's grace both secrets sign. */
export const signatures = (signable: Signable): Record<string, string> => {
  const { scheme, secret, previousSecret, eventId, timestamp, body } = signable;
  const secrets = previousSecret === undefined ? [secret] : [secret, previousSecret];
  return {
    'X-Webhook-Signature': signature(scheme, secret, timestamp, body),
    ...(previousSecret === undefined
      ? {}
      : { 'X-Webhook-Signature-Previous': signature(scheme, previousSecret, timestamp, body) }),
    'webhook-signature': secrets.map((one) => standardSignature(one, eventId, timestamp, body)).join(' '),
  };
};

/** The other headers of one attempt. */
export const announcement = ({
  eventId,
  eventType,
  deliveryId,
  timestamp,
}: Announced): Record<string, string> => ({
  'Content-Type': 'application/json',
  'User-Agent': 'core-api-webhooks/1.0',
  'X-Webhook-Id': eventId,
  'X-Webhook-Event': eventType,
  'X-Webhook-Delivery': deliveryId,
  'X-Webhook-Timestamp': String(timestamp),
  'webhook-id': eventId,
  'webhook-timestamp': String(timestamp),
});
