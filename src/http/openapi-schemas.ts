// JSON Schemas for the documentation, from zod schemas and from examples.
import { z } from 'zod';

/** The parts of JSON Schema (2020-12) that are used here. */
export type JsonSchema = {
  readonly [keyword: string]: unknown;
  readonly description?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
};

const converted = (schema: z.ZodType, io: 'input' | 'output'): JsonSchema => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any', reused: 'inline' });
  return rest as JsonSchema;
};

/** What a request may say. */
export const schemaOfInput = (schema: z.ZodType): JsonSchema => converted(schema, 'input');
/** What an answer says. */
export const schemaOfOutput = (schema: z.ZodType): JsonSchema => converted(schema, 'output');

const formatOf = (text: string): object =>
  /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/.test(text) ? { format: 'date-time' } : {};

const orNull = ({ type, ...rest }: JsonSchema): JsonSchema =>
  type === undefined ? rest : { type: [type, 'null'], ...rest };

/** Of a refusal: what is wrong with which fields, by dot path. */
export const fieldErrors: JsonSchema = {
  type: 'object',
  description: 'Field, by its dot path → what is wrong with it.',
  additionalProperties: { type: 'array', items: { type: 'string' } },
};

/** Names of fields that may be null, and schemas of fields that an example cannot show. */
export type Beside = {
  readonly nullable?: readonly string[];
  readonly known?: Readonly<Record<string, JsonSchema>>;
};

/** The schema that an example follows: its types and names. null may be anything; `beside` says what else is known. */
export const schemaOfExample = (example: unknown, beside: Beside = {}): JsonSchema => {
  if (example === null) return {};
  if (Array.isArray(example))
    return example.length === 0
      ? { type: 'array' }
      : { type: 'array', items: schemaOfExample(example[0], beside) };
  switch (typeof example) {
    case 'string':
      return { type: 'string', ...formatOf(example) };
    case 'number':
      return { type: Number.isInteger(example) ? 'integer' : 'number' };
    case 'boolean':
      return { type: 'boolean' };
    default: {
      const { nullable = [], known = {} } = beside;
      const properties = Object.entries(example as object).map(([name, value]) => {
        const schema = known[name] ?? schemaOfExample(value, beside);
        return [name, nullable.includes(name) ? orNull(schema) : schema];
      });
      return { type: 'object', properties: Object.fromEntries(properties) };
    }
  }
};
