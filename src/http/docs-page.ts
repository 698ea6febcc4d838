// The documentation as one self-contained HTML page, rendered from the OpenAPI document.
import { createHash } from 'node:crypto';
import { script, style } from './docs-assets.js';
import type { OpenApi, Operation } from './openapi.js';
import type { JsonSchema } from './openapi-schemas.js';

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const html = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character] ?? '');

/** Sentences with \`code\`, and a blank line between paragraphs. */
const prose = (text: string): string =>
  text
    .split('\n\n')
    .map((paragraph) => `<p>${inline(paragraph)}</p>`)
    .join('');
const inline = (text: string): string => html(text).replace(/`([^`]+)`/g, '<code>$1</code>');
const json = (value: unknown): string => `<pre><code>${html(JSON.stringify(value, null, 2))}</code></pre>`;

const typeOf = ({ type, format, enum: values, anyOf, oneOf, items }: JsonSchema): string => {
  if (Array.isArray(values)) return values.map(String).join(' | ');
  const { enum: listed } = (items ?? {}) as JsonSchema;
  if (Array.isArray(listed)) return `array of ${listed.map(String).join(' | ')}`;
  const branches = anyOf ?? oneOf;
  if (Array.isArray(branches)) return [...new Set((branches as JsonSchema[]).map(typeOf))].join(' | ');
  const name = Array.isArray(type) ? type.join(' | ') : String(type ?? 'any');
  return format === undefined ? name : `${name} (${String(format)})`;
};

const limitsOf = (schema: JsonSchema): string =>
  [
    ['default', 'default'],
    ['minimum', 'at least'],
    ['maximum', 'at most'],
    ['maxLength', 'characters at most'],
    ['maxItems', 'items at most'],
  ]
    .filter(
      ([keyword = '']) =>
        schema[keyword] !== undefined && Math.abs(Number(schema[keyword])) !== Number.MAX_SAFE_INTEGER,
    )
    .map(([keyword = '', words]) => `${words} ${JSON.stringify(schema[keyword])}`)
    .join(', ');

type RowOf = {
  readonly name: string;
  readonly where: string;
  readonly required: boolean;
  readonly schema: JsonSchema;
  readonly description: string;
};

const table = (rows: readonly RowOf[]): string => {
  if (rows.length === 0) return '';
  const cells = rows.map(({ name, where, required, schema, description }) => {
    const limits = limitsOf(schema);
    const more = limits === '' ? description : `${description} (${limits})`.trim();
    return `<tr><td><code>${html(name)}</code>${required ? ' <strong>required</strong>' : ''}</td><td>${where}</td><td>${html(typeOf(schema))}</td><td>${inline(more)}</td></tr>`;
  });
  return `<table><thead><tr><th>Name</th><th>In</th><th>Type</th><th></th></tr></thead><tbody>${cells.join('')}</tbody></table>`;
};

const rowsOf = (operation: Operation, document: OpenApi): RowOf[] => {
  const shared = document.components['parameters'] ?? {};
  const resolved = operation.parameters.map((parameter) =>
    '$ref' in parameter
      ? (shared[parameter.$ref.split('/').at(-1) ?? ''] as Exclude<typeof parameter, { $ref: string }>)
      : parameter,
  );
  const given = resolved.map(
    ({ name, in: where, required = false, schema, description = schema.description ?? '' }) => ({
      name,
      where,
      required,
      schema,
      description,
    }),
  );
  const body = operation.requestBody?.content['application/json'].schema ?? {};
  const needed = new Set(body.required ?? []);
  const fields = Object.entries(body.properties ?? {}).map(([name, schema]) => ({
    name,
    where: 'body',
    required: needed.has(name),
    schema,
    description: schema.description ?? '',
  }));
  // What many endpoints share comes last.
  const own = operation.parameters.findLastIndex((parameter) => !('$ref' in parameter)) + 1;
  return [...given.slice(0, own), ...fields, ...given.slice(own)];
};

/** Stands for the address of the API, which is another one for each way to reach it. */
const BASE = '\0base\0';

const curl = (method: string, path: string, operation: Operation): string => {
  const url = `${BASE}${path.replace(/\{\w+\}/g, '1')}`;
  const lines = [
    `curl${method === 'GET' ? '' : ` -X ${method}`} '${url}'`,
    ...(operation.security.length > 0 ? [`-H "Authorization: Bearer $API_KEY"`] : []),
  ];
  const example = operation.requestBody?.content['application/json'].example;
  if (example !== undefined)
    lines.push(
      `-H 'Content-Type: application/json'`,
      `-d '${JSON.stringify(example).replaceAll("'", String.raw`'\''`)}'`,
    );
  return lines.join(' \\\n  ');
};

const responsesOf = ({ responses }: Operation): string =>
  Object.entries(responses)
    .map(([status, response]) => {
      if ('$ref' in response)
        return `<li>${status} <a href="#error-${response.$ref.split('/').at(-1)}">${response.$ref.split('/').at(-1)}</a></li>`;
      // The default dialect first.
      const examples = Object.entries(response.content?.['application/json']?.examples ?? {}).reverse();
      const shown = examples.map(
        ([dialect, { value }], n) =>
          `<details${n === 0 ? ' open' : ''}><summary>${dialect}</summary>${json(value)}</details>`,
      );
      return `<li><strong>${status}</strong> ${inline(response.description)}${shown.join('')}</li>`;
    })
    .join('');

const sectionOf = (method: string, path: string, operation: Operation, document: OpenApi): string => {
  const text = `${method} ${path} ${operation.summary} ${operation.tags.join(' ')}`.toLowerCase();
  return `<section id="${operation.operationId}" data-text="${html(text)}">
<h3>${html(operation.summary)}</h3>
<p><code><span class="method">${method}</span> ${html(path)}</code></p>
${prose(operation.description)}
<pre><code>${html(curl(method, path, operation))}</code></pre>
${table(rowsOf(operation, document))}
<h4>Answers</h4><ul>${responsesOf(operation)}</ul>
</section>`;
};

const errorsOf = (document: OpenApi): string =>
  Object.entries(document.components['responses'] ?? {})
    .map(([code, response]) => {
      const { description, content } = response as {
        description: string;
        content: { 'application/json': { examples: Record<string, { value: unknown }> } };
      };
      const examples = Object.entries(content['application/json'].examples).reverse();
      const shown = examples.map(
        ([dialect, { value }]) => `<details><summary>${dialect}</summary>${json(value)}</details>`,
      );
      return `<section id="error-${code}" data-text="error ${code}"><h3><code>${code}</code></h3>${prose(description)}${shown.join('')}</section>`;
    })
    .join('');

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/**
 * The page with the address of the API in its examples, and the Content-Security-Policy that lets nothing in but what
 * stands in it.
 */
export const docsPage = (document: OpenApi): { htmlFor(base: string): string; policy: string } => {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
  const link = ({ method, path, operation }: (typeof operations)[number]) =>
    `<li data-text="${html(`${method} ${path} ${operation.summary}`.toLowerCase())}"><a href="#${operation.operationId}">${html(operation.summary)}</a></li>`;
  const inTag = (name: string) => operations.filter(({ operation }) => operation.tags.includes(name));
  const menu = document.tags.map(
    ({ name }) => `<h2>${html(name)}</h2><ul>${inTag(name).map(link).join('')}</ul>`,
  );
  const chapters = document.tags.map(
    ({ name }) =>
      `<h2 id="${html(name)}">${html(name)}</h2>${inTag(name)
        .map((one) => sectionOf(one.method, one.path, one.operation, document))
        .join('')}`,
  );
  const page = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${html(document.info.title)}</title><style>${style}</style></head>
<body><nav aria-label="Endpoints"><input id="search" type="search" placeholder="Search" aria-label="Search the headings" hidden>${menu.join('')}<h2>Errors</h2><ul><li><a href="#errors">All errors</a></li></ul></nav>
<main><h1>${html(document.info.title)}</h1>${prose(document.info.description)}<p>The same as a document for machines: <a href="openapi.json">openapi.json</a>.</p>
${chapters.join('')}<h2 id="errors">Errors</h2>${errorsOf(document)}</main>
<script>${script}</script></body></html>`;
  const policy = `default-src 'none'; style-src ${hashOf(style)}; script-src ${hashOf(script)}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
  const parts = page.split(BASE);
  return { htmlFor: (base) => parts.join(html(base)), policy };
};
