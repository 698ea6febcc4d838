// What requests about entitlements may say, and what the documentation says about them.

import { z } from 'zod';
import { boostDurations, boostKinds } from '../../domain/entitlements/grants.js';
import { toldExample } from '../doc-examples.js';
import { fields } from '../fields.js';
import type { RouteDoc } from '../route.js';
import {
  CheckAnswer,
  CorrectionAnswer,
  NamespaceCheckAnswer,
  SummaryAnswer,
  UsageAnswer,
} from './answers.js';

const MOST = Number.MAX_SAFE_INTEGER;
const feature = fields.text(64).meta({ examples: ['api_calls'] });
const quantity = z.int().min(1).max(MOST);

export const CheckQuery = z.object({
  feature: z
    .string()
    .refine((text) => text !== '', 'The :attribute field is required.')
    .meta({ description: 'Code of the feature.', examples: ['posts'] }),
  quantity: z
    .string()
    .transform((text, context): number => {
      if (!/^[+-]?\d{1,300}$/.test(text)) context.addIssue('The :attribute must be an integer.');
      else if (Number(text) < 1) context.addIssue('The :attribute must be at least 1.');
      else if (Number(text) > MOST) context.addIssue(`The :attribute may not be greater than ${MOST}.`);
      else return Number(text);
      return z.NEVER;
    })
    .meta({ type: 'integer', minimum: 1, description: 'How much is wanted; 1 where it is left out.' })
    .optional(),
});
export const CheckBody = z.strictObject({ feature, quantity: quantity.default(1) });

export const UsageBody = z.strictObject({
  feature,
  quantity: quantity.default(1),
  metadata: fields.smallObject.optional(),
});
export const CorrectionBody = z.strictObject({
  quantity: z.int().min(0).max(MOST).meta({ description: 'What the record should have said.' }),
  reason: fields.text(500),
});

const packageName = fields.text(64).meta({ examples: ['pkg_extra_storage'] });
export const AssignBody = z.strictObject({
  package: packageName,
  expires_at: fields.instant.nullable().optional(),
});
export const CancelQuery = z.object({
  package: z
    .string()
    .refine((text) => text !== '', 'The :attribute field is required.')
    .meta({ description: 'Id of the package.', examples: ['pkg_extra_storage'] }),
});
export const BoostBody = z.strictObject({
  feature,
  type: z.enum(boostKinds),
  amount: z
    .int()
    .min(1)
    .max(MOST)
    .optional()
    .meta({ description: 'How much it adds, for the type `add_limit`.' }),
  duration: z.enum(boostDurations).default('permanent'),
  expires_at: fields.instant
    .optional()
    .meta({ description: 'When it ends, for the duration `timed`.', examples: ['2027-01-01T00:00:00Z'] }),
});
export const SuspendBody = z.strictObject({ reason: fields.text(500).optional() });

const tag = 'Entitlements';
const whole = { used: 5_001, limit: 10_000, available: 4_999, percentage: 50.01 };
const refused = {
  403: 'The limit is reached; or the feature is not part of the plan, or the entitlements are suspended: then `reason` says so.',
};

export const entitlementDocs = {
  check: {
    id: 'checkEntitlement',
    tag,
    summary: 'Check whether a feature may be used',
    description:
      'A denial is an answer too: its status is 200. `reason` is `LIMIT_EXCEEDED`, `FEATURE_NOT_FOUND`, `FEATURE_NOT_INCLUDED` or `WORKSPACE_SUSPENDED`. A feature without a limit has null for `limit` and `available`.',
    success: {
      status: 200,
      description: 'What is used and what is left.',
      schema: CheckAnswer,
      example: { allowed: true, feature: 'posts', current_usage: 45, limit: 100, available: 55 },
    },
  },
  checkNamespace: {
    id: 'checkNamespaceEntitlement',
    tag,
    summary: 'Check whether a namespace may use a feature',
    description:
      'Its own packages are asked first, then the workspace that pays for it, then, for what is only there or not, the tier of the user who owns it. What comes from the workspace is counted there, so that namespaces share one pool. A denial has the status 200 too.',
    params: { id: 'Namespace id' },
    requestExample: { feature: 'storage', quantity: 1_073_741_824 },
    success: {
      status: 200,
      description: 'What is used and what is left.',
      schema: NamespaceCheckAnswer,
      example: {
        allowed: false,
        reason: 'LIMIT_EXCEEDED',
        message: 'Storage limit exceeded. Used: 4.50 GB, Available: 0.50 GB, Requested: 1.00 GB',
        current_usage: 4_831_838_208,
        limit: 5_368_709_120,
        available: 536_870_912,
      },
    },
  },
  record: {
    id: 'recordUsage',
    tag,
    summary: 'Record usage of a feature',
    description:
      'Checked and counted in one step: of records that race for the last of a limit, only those that fit are counted. What exceeds the limit is refused, or counted with `over_limit: true` where the server is set so. Send an `Idempotency-Key`, and a retry never counts twice. `id` names the record in a correction.',
    requestExample: { feature: 'api_calls', quantity: 1, metadata: { endpoint: '/api/v1/posts' } },
    success: {
      status: 200,
      description: 'Counted, on disk; `current_usage` includes it.',
      schema: UsageAnswer,
      example: {
        recorded: true,
        feature: 'api_calls',
        current_usage: 5_001,
        limit: 10_000,
        id: 'use_01kf0d92j0fgyag8mxvs5w3s01.api_calls.2026-01.5000',
      },
    },
    refusals: refused,
  },
  correct: {
    id: 'correctUsage',
    tag,
    summary: 'Correct a record of usage',
    description:
      'Says what the record should have said; 0 takes it back. The record stays in the history, and the correction after it. Doing it twice changes nothing.',
    params: { id: 'Id of the record' },
    requestExample: { quantity: 0, reason: 'Counted twice' },
    success: {
      status: 200,
      description: 'The record as corrected, and the count with it.',
      schema: CorrectionAnswer,
      ...toldExample('Usage corrected successfully.', {
        id: 'use_01kf0d92j0fgyag8mxvs5w3s01.api_calls.2026-01.5000',
        feature: 'api_calls',
        quantity: 0,
        previous_quantity: 1,
        current_usage: 5_000,
        limit: 10_000,
      }),
    },
    refusals: refused,
  },
  summary: {
    id: 'getEntitlementSummary',
    tag,
    summary: 'Show every feature, what is used and what is left',
    success: {
      status: 200,
      description: 'The features of the plan. `reset_at` is there where a count starts again.',
      schema: SummaryAnswer,
      example: {
        data: {
          workspace_id: 1,
          tier: 'pro',
          entitlements: {
            posts: { used: 45, limit: 1_000, available: 955, percentage: 4.5 },
            api_calls: { ...whole, reset_at: '2026-02-01T00:00:00Z' },
            storage: {
              used: 1_073_741_824,
              limit: 5_368_709_120,
              available: 4_294_967_296,
              percentage: 20,
              unit: 'bytes',
            },
          },
        },
      },
    },
  },
} satisfies Record<string, RouteDoc>;
