// From arguments to what is printed and the exit code: 0 done, 1 refused or failed, 2 not understood.
import type { Config } from '../config.js';
import { keysCommand } from './keys.js';
import { perform } from './perform.js';
import { UsageError, usage } from './usage.js';
import { verify } from './verify.js';

/** `text` goes to standard output where the code is 0, else to standard error. */
export type Ended = { readonly code: 0 | 1 | 2; readonly text: string };

const done = (text: string): Ended => ({ code: 0, text });

const dispatch = async (
  [command = 'help', ...args]: readonly string[],
  config: () => Config,
): Promise<Ended> => {
  if (['help', '--help', '-h'].includes(command) || args.includes('--help')) return done(usage);
  if (command === 'verify') {
    if (args.length > 0) throw new UsageError('verify takes no options.');
    const { sound, text } = await verify(config());
    return { code: sound ? 0 : 1, text };
  }
  if (command !== 'keys') throw new UsageError(`There is no command ${command}.`);
  const { request, show } = keysCommand(args);
  return done(show(await perform(config(), request)));
};

/** Does what the arguments say; never throws. `config` reads the settings, and is called only where they matter. */
export const run = async (args: readonly string[], config: () => Config): Promise<Ended> => {
  try {
    return await dispatch(args, config);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    if (!(error instanceof UsageError)) return { code: 1, text };
    return { code: 2, text: `${text}\nRun \`npm run cli -- help\` to see what there is.` };
  }
};
