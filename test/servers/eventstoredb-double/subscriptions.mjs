// Catch-up subscriptions of the double: paced while catching up, a small buffer and an abort while live.
import { randomUUID } from 'node:crypto';
import {
  caughtUpAnswer,
  checkpointAnswer,
  confirmationAnswer,
  deletedFailure,
  eventAnswer,
  failure,
  grpc,
  streamName,
} from './messages.mjs';
import { drained, indexAfter, isPosition } from './pace.mjs';

/** Live events that the server holds for one subscriber before it gives the subscription up. */
const LIVE_BUFFER = 32;
/** What stands between that buffer and a subscriber that does not read: transport buffers, in answers. */
const IN_TRANSIT = 72;
const DEFAULT_WINDOW = 32;

const matcher = (expression, read) => {
  const prefixes = expression.getPrefixList();
  if (prefixes.length > 0) return (record) => prefixes.some((prefix) => read(record).startsWith(prefix));
  const regex = new RegExp(expression.getRegex());
  return (record) => regex.test(read(record));
};

/** What the subscription sees: `matches`, and after how many looked-at events a checkpoint is due (0 = never). */
const selection = (options) => {
  if (options.hasStream()) {
    const stream = streamName(options.getStream().getStreamIdentifier());
    return { matches: (record) => record.stream === stream, every: 0 };
  }
  if (!options.hasFilter()) return { matches: () => true, every: 0 };
  const filter = options.getFilter();
  const matches = filter.hasEventType()
    ? matcher(filter.getEventType(), ({ type }) => type)
    : matcher(filter.getStreamIdentifier(), ({ stream }) => stream);
  const window = filter.hasMax() ? filter.getMax() : DEFAULT_WINDOW;
  return { matches, every: window * filter.getCheckpointintervalmultiplier() };
};

/** Index in $all to go on from; both kinds are exclusive of the given point. Throws what the server answers. */
const startOf = (store, options) => {
  const from = options.hasStream() ? options.getStream() : options.getAll();
  if (from.hasStart()) return 0;
  if (from.hasEnd()) return store.all.length;
  if (options.hasAll()) {
    const position = Number(from.getPosition().getCommitPosition());
    if (!isPosition(store, position)) throw new Error('no record begins there');
    return indexAfter(store.all, position);
  }
  const stream = streamName(from.getStreamIdentifier());
  const at = store.all.findIndex((r) => r.stream === stream && r.revision > Number(from.getRevision()));
  return at === -1 ? store.all.length : at;
};

const begin = (store, call, options) => {
  try {
    return { ...selection(options), at: startOf(store, options) };
  } catch {
    call.emit('error', failure(grpc.status.UNKNOWN, 'Exception was thrown by handler.'));
    return undefined;
  }
};

/** Serves one subscription until the client leaves or turns out too slow while live. */
export const subscribe = async (store, call, options) => {
  const missing = options.hasStream() && streamName(options.getStream().getStreamIdentifier());
  if (missing && store.tombstoned(missing)) return call.emit('error', deletedFailure(missing));
  const begun = begin(store, call, options);
  if (!begun) return undefined;
  const { matches, every } = begun;
  let { at } = begun;
  let looked = 0;
  let waiting = 0;
  let over = false;

  const write = (answer) => {
    waiting++;
    return call.write(answer, () => {
      waiting--;
    });
  };
  /** Answers that one record leads to: itself when it matches, a checkpoint when one is due. */
  const answersTo = (record) => {
    const answers = matches(record) ? [eventAnswer(record)] : [];
    looked++;
    if (every > 0 && looked % every === 0) answers.push(checkpointAnswer(record.position));
    return answers;
  };

  call.on('cancelled', () => {
    over = true;
  });
  write(confirmationAnswer(randomUUID()));
  for (; !over && at < store.all.length; at++)
    for (const answer of answersTo(store.all[at])) if (!write(answer)) await drained(call);
  if (over) return undefined;
  let toldCaughtUp = !missing || store.exists(missing);
  if (toldCaughtUp) write(caughtUpAnswer());

  const live = (record) => {
    for (const answer of answersTo(record)) {
      if (waiting >= IN_TRANSIT + LIVE_BUFFER) return false;
      write(answer);
    }
    return true;
  };
  const stop = store.subscribe((records) => {
    if (over) return;
    const kept = records.every(live);
    if (!toldCaughtUp && records.some(matches)) {
      toldCaughtUp = true;
      write(caughtUpAnswer());
    }
    if (kept) return;
    over = true;
    stop();
    call.emit(
      'error',
      failure(
        grpc.status.ABORTED,
        'Consumer too slow to handle event while live. Client resubscription required.',
      ),
    );
  });
  call.on('cancelled', stop);
  call.on('close', stop);
  return undefined;
};
