// The shapes of answers about entitlements, for the documentation: what is sometimes null or left out says so.
import { z } from 'zod';
import { boostDurations, boostKinds } from '../../domain/entitlements/grants.js';
import { denialReasons } from '../../domain/entitlements/words.js';

const count = z.int();
const orNone = count.nullable().meta({ description: 'null = no limit' });
const instant = z.string().meta({ format: 'date-time' });
const reason = z.enum(denialReasons);
const counts = { current_usage: count, limit: orNone, available: orNone };

export const CheckAnswer = z.object({
  allowed: z.boolean(),
  feature: z.string(),
  reason: reason.optional().meta({ description: 'Of a denial.' }),
  message: z.string().optional().meta({ description: 'Of a denial.' }),
  ...counts,
  upgrade_url: z.string().optional().meta({ description: 'Of a denial.' }),
});
export const NamespaceCheckAnswer = z.object({
  allowed: z.boolean(),
  reason: reason.nullable(),
  message: z.string().nullable(),
  ...counts,
});
export const UsageAnswer = z.object({
  recorded: z.literal(true),
  feature: z.string(),
  current_usage: count,
  limit: orNone,
  id: z.string(),
  over_limit: z.literal(true).optional().meta({
    description: 'Where the server counts what exceeds the limit.',
  }),
});

/** What a write tells: the older dialect leaves the message out. */
const told = (data: z.ZodType) => z.object({ message: z.string().optional(), data });

export const CorrectionAnswer = told(
  z.object({
    id: z.string(),
    feature: z.string(),
    quantity: count,
    previous_quantity: count,
    current_usage: count,
    limit: orNone,
  }),
);
export const SummaryAnswer = z.object({
  data: z.object({
    workspace_id: z.int(),
    namespace_id: z
      .union([z.int(), z.string()])
      .optional()
      .meta({ description: 'Where the request is made in a namespace.' }),
    tier: z.string(),
    entitlements: z.record(
      z.string(),
      z.object({
        used: count,
        limit: orNone,
        available: orNone,
        percentage: z.number().nullable(),
        reset_at: instant.optional(),
        unit: z.string().optional(),
      }),
    ),
  }),
});

export const PackageAnswer = told(
  z.object({ id: z.string(), name: z.string(), expires_at: instant.nullable() }),
);
export const BoostAnswer = told(
  z.object({
    id: z.string(),
    feature: z.string(),
    type: z.enum(boostKinds),
    amount: count.optional(),
    duration: z.enum(boostDurations),
    expires_at: instant.nullable(),
    created_at: instant,
  }),
);
export const SuspensionAnswer = told(
  z.object({
    status: z.enum(['active', 'suspended']),
    reason: z.string().nullable(),
    since: instant.nullable(),
  }),
);
