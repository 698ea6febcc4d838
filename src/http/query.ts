// The query string as its parameters, each at most once.
import { DomainError } from '../domain/errors.js';
import { invalidFaults } from './validation.js';

/** Parameters by name; without prototype, so that no name means anything special. */
export type Parameters = Readonly<Record<string, string>>;

export const noParameters: Parameters = Object.freeze(Object.create(null));

const decode = (part: string): string => {
  const spaced = part.includes('+') ? part.replaceAll('+', ' ') : part;
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    throw new DomainError('bad_request', 'The query string is not validly percent-encoded.');
  }
};

/** Reads a query string (without `?`). Throws 400 for bad encoding, 422 for a parameter given twice. */
export const parseQuery = (text: string): Parameters => {
  const parameters: Record<string, string> = Object.create(null);
  const faults: [string, string][] = [];
  for (const part of text.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = decode(equals === -1 ? part : part.slice(0, equals));
    if (name in parameters) faults.push([name, `The ${name} parameter may be given only once.`]);
    const value = equals === -1 ? '' : decode(part.slice(equals + 1));
    if (value.includes('\u0000')) faults.push([name, `The ${name} parameter may not contain NUL.`]);
    parameters[name] = value;
  }
  if (faults.length > 0) throw invalidFaults(faults);
  return parameters;
};

/** Throws 422 naming every parameter that is not known here: a misspelt filter must not silently do nothing. */
export const requireKnown = (parameters: Parameters, known: ReadonlySet<string>): void => {
  const unknown = Object.keys(parameters).filter((name) => !known.has(name));
  if (unknown.length > 0)
    throw invalidFaults(unknown.map((name) => [name, `The ${name} parameter is not known.`]));
};
