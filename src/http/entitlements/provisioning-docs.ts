// What the documentation says about packages, boosts and suspension.
import { toldExample } from '../doc-examples.js';
import type { RouteDoc } from '../route.js';
import { BoostAnswer, PackageAnswer, SuspensionAnswer } from './answers.js';

/** `thing` is what the path names: `Workspace`. */
export const provisioningDocs = (thing: 'Workspace' | 'Namespace') => {
  const tag = 'Entitlements';
  const it = thing.toLowerCase();
  const params = { id: `${thing} id` };
  const packageExample = {
    id: 'pkg_extra_storage',
    name: 'Extra Storage',
    expires_at: '2027-01-15T10:30:00Z',
  };
  return {
    assign: {
      id: `assign${thing}Package`,
      tag,
      summary: `Give a ${it} a package`,
      description: `Assigned again, a package only gets another end; without \`expires_at\` it lasts until it is cancelled.${thing === 'Workspace' ? ' The base package of a workspace is that of its tier.' : ' Another base package takes the place of the one before.'}`,
      params,
      requestExample: { package: 'pkg_extra_storage', expires_at: '2027-01-15T10:30:00Z' },
      success: {
        status: 201,
        description: 'Its limits count from now on.',
        schema: PackageAnswer,
        ...toldExample('Package assigned successfully.', packageExample),
      },
    },
    cancel: {
      id: `cancel${thing}Package`,
      tag,
      summary: `Take a package from a ${it}`,
      params,
      success: { status: 204, description: 'Its limits no longer count; what was used stays used.' },
    },
    boost: {
      id: `grant${thing}Boost`,
      tag,
      summary: `Give a ${it} a boost`,
      description:
        'More of a feature (`add_limit`), a feature that is there or not (`enable`), or no limit (`unlimited`): for good, until `expires_at` (`timed`), or for the cycle that runs (`cycle`). What a boost adds is used after the packages’ own limit, and once: what a month has taken of it is gone.',
      params,
      requestExample: { feature: 'api_calls', type: 'add_limit', amount: 5_000, duration: 'cycle' },
      success: {
        status: 201,
        description: 'It counts from now on.',
        schema: BoostAnswer,
        ...toldExample('Boost granted successfully.', {
          id: 'bst_01kf0d92j0fgyag8mxvs5w3s0c',
          feature: 'api_calls',
          type: 'add_limit',
          amount: 5_000,
          duration: 'cycle',
          expires_at: '2026-02-01T00:00:00Z',
          created_at: '2026-01-15T10:30:00Z',
        }),
      },
    },
    suspend: {
      id: `suspend${thing}Entitlements`,
      tag,
      summary: `Suspend the entitlements of a ${it}`,
      description:
        'Checks are denied with `WORKSPACE_SUSPENDED` and usage is refused until they are resumed.',
      params,
      requestExample: { reason: 'Payment failed' },
      success: {
        status: 200,
        description: 'Nothing may be used any more.',
        schema: SuspensionAnswer,
        ...toldExample('Entitlements suspended successfully.', {
          status: 'suspended',
          reason: 'Payment failed',
          since: '2026-01-15T10:30:00Z',
        }),
      },
    },
    resume: {
      id: `resume${thing}Entitlements`,
      tag,
      summary: `Resume the entitlements of a ${it}`,
      params,
      success: {
        status: 200,
        description: 'Everything counts again.',
        schema: SuspensionAnswer,
        ...toldExample('Entitlements resumed successfully.', {
          status: 'active',
          reason: null,
          since: null,
        }),
      },
    },
  } satisfies Record<string, RouteDoc>;
};
