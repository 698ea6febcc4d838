// Holds answers against the OpenAPI document that the server itself gives out.
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as formats from 'ajv-formats';
import type { OpenApi } from '../../src/http/openapi.js';

/** The document of a running server. */
export const documentOf = async (url: string): Promise<OpenApi> =>
  (await (await fetch(`${url}/openapi.json`)).json()) as OpenApi;

/** The operation of that id; undefined when there is none. */
export const operationIn = ({ paths }: OpenApi, id: string) =>
  Object.values(paths)
    .flatMap((methods) => Object.values(methods))
    .find(({ operationId }) => operationId === id);

/** What the document says otherwise than an answer of the operation does; empty when it describes it. */
export type Undescribed = (operationId: string, status: number, body: unknown) => string[];

export const undescribedBy = async (url: string): Promise<Undescribed> => {
  const document = await documentOf(url);
  const ajv = new Ajv2020({ strict: false });
  formats.default.default(ajv);
  return (operationId, status, body) => {
    const response = operationIn(document, operationId)?.responses[status];
    if (!response) return [`${operationId}: ${status} is not described`];
    const content = '$ref' in response ? undefined : response.content?.['application/json'];
    if (!content || ajv.validate(content.schema, body)) return [];
    return (ajv.errors ?? []).map(({ instancePath, message, params }) =>
      [operationId, instancePath, message, JSON.stringify(params)].join(' '),
    );
  };
};
