// Endpoints for operators: what workspaces and namespaces are given.
import type { ReadModels } from '../../adapters/read-models/port.js';
import type { Provisioned, ProvisioningCommands } from '../../commands/entitlements/provisioning.js';
import { boostShown, packageShown, suspensionShown } from '../../dialects/entitlements.js';
import { told } from '../../dialects/envelopes.js';
import { notFound } from '../../domain/errors.js';
import type { WorkspaceRow } from '../../projections/workspaces.js';
import { namespaceOfPath } from '../namespace-access.js';
import { findByReference } from '../records.js';
import { type Answer, type Exchange, type Route, route } from '../route.js';
import { chains } from './chain.js';
import { AssignBody, BoostBody, CancelQuery, SuspendBody } from './forms.js';
import { provisioningDocs } from './provisioning-docs.js';

const scope = 'entitlements:manage';
type Any = Exchange<unknown, unknown>;
/** The record that a path names: who is given something. Throws 404. */
type Find = (exchange: Any) => Promise<Provisioned>;

const answerWith = (status: number, body: object, position: number | undefined): Answer =>
  position === undefined ? { status, body } : { status, body, position };

/** The endpoints below one kind of owner, `/workspaces/:id` and the like. */
const routesOf = (
  base: string,
  find: Find,
  provisioning: ProvisioningCommands,
  docs: ReturnType<typeof provisioningDocs>,
): Route[] => [
  route({
    method: 'POST',
    path: `${base}/packages`,
    scope,
    body: AssignBody,
    doc: docs.assign,
    handle: async (exchange) => {
      const { body, command, dialect } = exchange;
      const wanted = { package: body.package, expiresAt: body.expires_at };
      const { given, position } = await provisioning.assign(await find(exchange), wanted, command);
      const shown = packageShown(given.package, given.expiresAt);
      return answerWith(201, told(dialect, 'Package assigned successfully.', shown), position);
    },
  }),
  route({
    method: 'DELETE',
    path: `${base}/packages`,
    scope,
    query: CancelQuery,
    doc: docs.cancel,
    handle: async (exchange) => {
      const { position } = await provisioning.cancel(
        await find(exchange),
        exchange.query.package,
        exchange.command,
      );
      return position === undefined ? { status: 204 } : { status: 204, position };
    },
  }),
  route({
    method: 'POST',
    path: `${base}/boosts`,
    scope,
    body: BoostBody,
    doc: docs.boost,
    handle: async (exchange) => {
      const { command, dialect } = exchange;
      const { type: kind, expires_at: expiresAt, ...plain } = exchange.body;
      const { given, position } = await provisioning.boost(
        await find(exchange),
        { ...plain, kind, expiresAt },
        command,
      );
      return answerWith(201, told(dialect, 'Boost granted successfully.', boostShown(given)), position);
    },
  }),
  route({
    method: 'POST',
    path: `${base}/entitlements/suspend`,
    scope,
    body: SuspendBody,
    doc: docs.suspend,
    handle: async (exchange) => {
      const { body, command, dialect } = exchange;
      const { given, position } = await provisioning.suspend(
        await find(exchange),
        body.reason ?? null,
        command,
      );
      return answerWith(
        200,
        told(dialect, 'Entitlements suspended successfully.', suspensionShown(given)),
        position,
      );
    },
  }),
  route({
    method: 'POST',
    path: `${base}/entitlements/resume`,
    scope,
    doc: docs.resume,
    handle: async (exchange) => {
      const { given, position } = await provisioning.resume(await find(exchange), exchange.command);
      const shown = suspensionShown(given);
      return answerWith(200, told(exchange.dialect, 'Entitlements resumed successfully.', shown), position);
    },
  }),
];

export const provisioningRoutes = (deps: {
  readonly readModels: ReadModels;
  readonly provisioning: ProvisioningCommands;
}): Route[] => {
  const { readModels, provisioning } = deps;
  const { ofNamespace } = chains(readModels);
  /** A workspace of the key's user. */
  const workspace: Find = async ({ params, caller }) => {
    const mine = [{ field: 'memberIds', op: 'eq', value: caller.userId }] as const;
    const id = params['id'] ?? '';
    const row = await findByReference<WorkspaceRow>(readModels, 'workspaces', 'workspace', id, mine);
    if (!row) throw notFound('Workspace');
    return { owner: { type: 'workspace', id: row.id }, workspaceId: row.id };
  };
  /** A namespace that the key's user reaches; what changes is told to the workspace that pays. */
  const namespace: Find = async (exchange) => {
    const { row } = await namespaceOfPath(readModels, exchange);
    const { payer } = await ofNamespace(row, exchange);
    return { owner: { type: 'namespace', id: row.id }, workspaceId: payer.id };
  };
  return [
    ...routesOf('/workspaces/:id', workspace, provisioning, provisioningDocs('Workspace')),
    ...routesOf('/namespaces/:id', namespace, provisioning, provisioningDocs('Namespace')),
  ];
};
