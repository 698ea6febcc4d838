// Routes for those who run the server: outside the API, without keys or limits.
import type { Soon } from '../domain/soon.js';
import type { Reply } from './reply.js';

/** Whether the process can serve: stores reached, read models caught up. `reasons`: one sentence for each thing that is not so. */
export type Readiness = { readonly ready: boolean; readonly reasons: readonly string[] };

/** One GET route outside the API. */
export type Operation = {
  readonly path: string;
  readonly type?: string;
  /** `base`: where whoever asks reaches this server, without a slash at the end. */
  answer(base: string): Soon<Reply>;
};

const json = (status: number, body: object): Reply => ({
  status,
  body: JSON.stringify(body),
  headers: ['Cache-Control', 'no-store'],
});

export type OperationDeps = {
  readiness(): Soon<Readiness>;
  metricsText(): Promise<string>;
  readonly metricsType: string;
  readonly openapi: () => Buffer;
  /** The page made of the OpenAPI document, with its Content-Security-Policy; `base`: server that its examples go to. */
  readonly docs: (base: string) => { readonly html: Buffer; readonly policy: string };
};

/** `/health` says that the process runs, `/ready` that it can serve. */
export const operations = (deps: OperationDeps): Operation[] => [
  { path: '/health', answer: () => json(200, { status: 'ok' }) },
  {
    path: '/ready',
    async answer() {
      const { ready, reasons } = await deps.readiness();
      return json(ready ? 200 : 503, { status: ready ? 'ready' : 'not_ready', reasons });
    },
  },
  {
    path: '/metrics',
    type: deps.metricsType,
    answer: async () => ({
      status: 200,
      body: await deps.metricsText(),
      headers: ['Cache-Control', 'no-store'],
    }),
  },
  {
    path: '/openapi.json',
    answer: () => ({ status: 200, body: deps.openapi(), headers: ['Cache-Control', 'no-cache'] }),
  },
  {
    path: '/docs',
    type: 'text/html; charset=utf-8',
    answer(base) {
      const { html, policy } = deps.docs(base);
      const headers = [
        'Content-Security-Policy',
        policy,
        'Referrer-Policy',
        'no-referrer',
        'Cache-Control',
        'no-cache',
      ];
      return { status: 200, body: html, headers };
    },
  },
];
