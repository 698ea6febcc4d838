// Arguments of a tool, held against the JSON Schema that its server states: one sentence per fault, by dot path.
import { Ajv, type AnySchema, type ErrorObject, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as formats from 'ajv-formats';
import type { JsonObject } from '../domain/decider.js';
import { invalidFaults, MAX_FAULTS } from './validation.js';

const options = {
  strict: false,
  allErrors: true,
  ownProperties: true,
  validateFormats: true,
  logger: false,
  addUsedSchema: false,
} as const;

const articles: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  integer: 'an integer',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
  null: 'null',
};

const sentence = (label: string, { keyword, params, message }: ErrorObject): string => {
  switch (keyword) {
    case 'required':
      return `The ${label} field is required.`;
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return `The ${label} field is not known.`;
    case 'type': {
      const types = [params['type'] as string | string[]].flat();
      return `The ${label} must be ${types.map((type) => articles[type] ?? type).join(' or ')}.`;
    }
    case 'enum':
      return `The selected ${label} is invalid. It must be one of: ${(params['allowedValues'] as unknown[]).map(String).join(', ')}.`;
    case 'minLength':
      return params['limit'] === 1
        ? `The ${label} field is required.`
        : `The ${label} must be at least ${params['limit']} characters.`;
    case 'maxLength':
      return `The ${label} may not be greater than ${params['limit']} characters.`;
    case 'minimum':
      return `The ${label} must be at least ${params['limit']}.`;
    case 'maximum':
      return `The ${label} may not be greater than ${params['limit']}.`;
    default:
      return `The ${label} ${message ?? 'is invalid'}.`;
  }
};

/** `/a~1b/0` → `arguments.a/b.0`, with the name of a field that is missing or unknown. */
const labelOf = ({ instancePath, params }: ErrorObject): string => {
  const path = instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const named = (params['missingProperty'] ??
    params['additionalProperty'] ??
    params['unevaluatedProperty']) as string | undefined;
  return ['arguments', ...path, ...(named === undefined ? [] : [named])].join('.');
};

/** The words of a union add nothing to those of its branches. */
const isSummary = ({ keyword }: ErrorObject, all: readonly ErrorObject[]): boolean =>
  ['anyOf', 'oneOf', 'allOf', 'if'].includes(keyword) && all.length > 1;

const compilers = () => {
  const made = { draft7: new Ajv(options), draft2020: new Ajv2020(options) };
  for (const ajv of Object.values(made)) formats.default.default(ajv);
  return made;
};
/** A compiler keeps all that it has compiled, and servers tell their tools anew every minute: then it is renewed. */
const MAX_COMPILED = 200;

/**
 * Checks arguments against schemas, each compiled once. A schema that cannot be compiled checks nothing: its server
 * judges alone.
 */
export const argumentChecker = () => {
  let { draft7, draft2020 } = compilers();
  let left = MAX_COMPILED;
  const compiled = new WeakMap<JsonObject, ValidateFunction | 'none'>();

  const compile = (schema: JsonObject): ValidateFunction | 'none' => {
    if (left === 0) {
      ({ draft7, draft2020 } = compilers());
      left = MAX_COMPILED;
    }
    left -= 1;
    const { $schema } = schema;
    const ajv = typeof $schema === 'string' && /draft-0[4-7]/.test($schema) ? draft7 : draft2020;
    try {
      return ajv.compile(schema as AnySchema);
    } catch {
      return 'none';
    }
  };

  /** Throws 422 with every fault, keyed `arguments.<name>`. */
  return (schema: JsonObject, args: JsonObject): void => {
    const check = compiled.get(schema) ?? compile(schema);
    compiled.set(schema, check);
    if (check === 'none' || check(args)) return;
    const errors = check.errors ?? [];
    const faults = errors.filter((error) => !isSummary(error, errors));
    throw invalidFaults(
      faults.slice(0, MAX_FAULTS).map((error) => {
        const label = labelOf(error);
        return [label, sentence(label, error)];
      }),
    );
  };
};
export type CheckArguments = ReturnType<typeof argumentChecker>;
