// Has a request done by whoever may write: the running server where there is one, else this process.
import { DataDirHeld } from '../adapters/event-log/lock.js';
import { askHolder } from '../adapters/event-log/lock-talk.js';
import { type Config, missingServers } from '../config.js';
import type { Json, JsonObject } from '../domain/decider.js';

/** The answer to a request. Throws one sentence. */
export const perform = async (config: Config, request: JsonObject): Promise<Json> => {
  // With all servers nobody holds the folder, and this is one more process that works on them.
  const isShared = missingServers(config).length === 0;
  const answer = isShared ? undefined : await askHolder(config.DATA_DIR, request);
  if (answer !== undefined) return answer;
  // Loaded only here: it is the whole server, and beside one that runs it is not needed.
  const { performAlone } = await import('./alone.js');
  try {
    return await performAlone(config, request);
  } catch (error) {
    if (!(error instanceof DataDirHeld)) throw error;
    // A server has just started.
    const second = await askHolder(config.DATA_DIR, request);
    if (second === undefined) throw error;
    return second;
  }
};
