// The command that checks the event log, also beside a running server.
import { verifyEmbeddedLog } from '../adapters/event-log/verify.js';

/** What there is to say, and whether the log is sound. */
export const verify = async (dir: string): Promise<{ readonly sound: boolean; readonly text: string }> => {
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
