// Holds answers against the OpenAPI document that the server itself gives out.
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as formats from 'ajv-formats';
import type { OpenApi } from '../../src/http/openapi.js';

/** What the document says otherwise than an answer of the operation does; empty when it describes it. */
export type Undescribed = (operationId: string, status: number, body: unknown) => string[];

export const undescribedBy = async (url: string): Promise<Undescribed> => {
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as OpenApi;
  const ajv = new Ajv2020({ strict: false });
  formats.default.default(ajv);
  const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
  return (operationId, status, body) => {
    const response = operations.find((one) => one.operationId === operationId)?.responses[status];
    if (!response) return [`${operationId}: ${status} is not described`];
    const content = '$ref' in response ? undefined : response.content?.['application/json'];
    if (!content || ajv.validate(content.schema, body)) return [];
    return (ajv.errors ?? []).map(({ instancePath, message, params }) =>
      [operationId, instancePath, message, JSON.stringify(params)].join(' '),
    );
  };
};
