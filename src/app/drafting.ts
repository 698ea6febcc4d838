// A world in which nothing is written: the real commands and endpoints on a draft of the log and of its rows.
import { draftLog } from '../adapters/event-log/draft.js';
import type { Expected, NewEvent } from '../adapters/event-log/port.js';
import { draftReadModels } from '../adapters/read-models/draft.js';
import type { ReadModels } from '../adapters/read-models/port.js';
import type { Vault } from '../adapters/vault/port.js';
import type { Turns } from '../commands/turns.js';
import type { Config } from '../config.js';
import type { Draft } from '../http/batch-atomic.js';
import type { Route } from '../http/route.js';
import { projectionHandler } from '../projections/runner.js';
import { type Commands, wireRecords } from './commands.js';
import { projections } from './models.js';
import type { Stores } from './stores.js';

/**
 * What is done at once all the same: integer ids are given out (a refusal burns some), and claimants of a name who
 * never came are told so by the system itself, which changes nothing that anybody sees.
 */
const passes = (events: readonly NewEvent[], expected: Expected): boolean =>
  expected === 'any' || events.every(({ metadata }) => 'system' in metadata.actor);

/** Makes drafts: each sees what is in the stores now and what its own endpoints have done. */
export const drafting = (
  stores: Stores,
  commands: Commands,
  config: Config,
  now: () => Date,
  routesOf: (readModels: ReadModels, commands: Commands) => Route[],
) => {
  return (turns: Turns): Draft => {
    const erased = new Set<string>();
    const vault: Vault = {
      ...stores.vault,
      get: async (person) => (erased.has(person) ? undefined : stores.vault.get(person)),
      destroy: async (person) => void erased.add(person),
    };
    const readModels = draftReadModels(stores.readModels);
    const handlers = projections.map((projection) =>
      projectionHandler(projection, readModels, stores.log.id),
    );
    const log = draftLog(stores.log, {
      passes,
      async onKept(events) {
        const position = events.at(-1)?.position ?? -1;
        for (const { types, handle } of handlers) {
          const wanted = events.filter(({ type }) => types.has(type));
          if (wanted.length > 0) await handle({ events: wanted, position, caughtUp: true });
        }
      },
    });
    const records = wireRecords({ ...stores, log, readModels, vault }, config, now, turns);
    return {
      routes: routesOf(readModels, { ...commands, ...records }),
      readModels,
      staged: log.staged,
      // If not now, then the erasures' reactor does it.
      follow: () => Promise.all([...erased].map((person) => commands.personal.erase(person))),
    };
  };
};
