// The command that checks the embedded event log, also beside a running server.
import { verifyEmbeddedLog } from '../adapters/event-log/verify.js';
import type { Config } from '../config.js';

/** What there is to say, and whether the log is sound. Throws one sentence where the log is not in the folder. */
export const verify = async ({
  EVENTSTORE_URL: server,
  DATA_DIR: dir,
}: Config): Promise<{ readonly sound: boolean; readonly text: string }> => {
  // The folder would be empty, or hold what was true before the server was.
  if (server !== undefined)
    throw new Error(
      'verify checks the hash chain of the embedded log in DATA_DIR, but EVENTSTORE_URL is set: this log is on the server, and has none.',
    );
  const { logId, lines, events, lastHash, tail, problem } = await verifyEmbeddedLog(dir);
  const text = [
    `Log ${logId}: ${events} events in ${lines} lines; the hash of the last sound line is ${lastHash}.`,
    ...(tail
      ? [`${tail.bytes} bytes at the end are no whole lines: a write under way, or one that was cut short.`]
      : []),
    problem
      ? `DAMAGED at line ${problem.line}, byte ${problem.offset}: ${problem.reason}.`
      : 'Every checksum holds and the chain is unbroken.',
  ];
  return { sound: problem === undefined, text: text.join('\n') };
};
