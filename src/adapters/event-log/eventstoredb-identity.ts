// The stream that names the log: made once, found again by every later start, and refused when it is not for us.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type AllStreamResolvedEvent, streamNameFilter } from '@eventstore/db-client';
import { z } from 'zod';
import type { Appender } from './eventstoredb-append.js';
import { type Connection, within } from './eventstoredb-connection.js';
import { isRefused, unavailable } from './eventstoredb-errors.js';
import { encoded, LOG_STREAM, ownStream } from './eventstoredb-format.js';
import { lastPosition, readStream } from './eventstoredb-read.js';
import { LogUnavailable, RevisionConflict } from './port.js';

/** Of what this code writes; raised when an older version could not read it. */
const FORMAT = 1;
const Named = z.object({ format: z.number(), logId: z.uuid() });

/** Longest pause between two tries to reach the server, ms. */
const MAX_PAUSE = 2_000;

const checkVersion = async ({ commands, limits }: Connection): Promise<void> => {
  const { serverVersion } = await within(
    commands['capabilities'],
    limits.callMs,
    'the question for its version',
  );
  const [, major = '', minor = ''] = /^(\d+)\.(\d+)/.exec(serverVersion) ?? [];
  // Earlier ones do not tell a subscription that it has caught up.
  if (major !== '' && Number(major) * 100 + Number(minor) < 2310)
    throw new Error(`EVENTSTORE_URL leads to EventStoreDB ${serverVersion}; 23.10 or later is needed.`);
};

const findId = async ({ commands, prefix, limits }: Connection): Promise<string | undefined> => {
  for await (const { event } of readStream(commands, prefix + LOG_STREAM, { limit: 1 }, limits.callMs)) {
    const named = Named.safeParse(event?.data);
    if (!named.success)
      throw new Error(`STORE_PREFIX: the stream ${prefix}${LOG_STREAM} in EventStoreDB is somebody else's.`);
    if (named.data.format > FORMAT)
      throw new Error(
        `EVENTSTORE_URL leads to a log of format ${named.data.format}, which is newer than this version.`,
      );
    return named.data.logId;
  }
  return undefined;
};

/** Whether streams with our prefix exist although no log was ever begun there. */
const isOccupied = ({ follow, prefix }: Connection): Promise<boolean> =>
  new Promise<boolean>((resolve, reject) => {
    const filter =
      prefix === '' ? streamNameFilter({ regex: '^[^$]' }) : streamNameFilter({ prefixes: [prefix] });
    const subscription = follow.subscribeToAll({ filter });
    const done = (occupied: boolean) => {
      void subscription.unsubscribe().catch(() => undefined);
      resolve(occupied);
    };
    subscription.on('data', ({ event }: AllStreamResolvedEvent) => {
      if (event && ownStream(prefix, event.streamId) !== undefined) done(true);
    });
    subscription.on('caughtUp', () => done(false));
    subscription.on('error', reject);
  });

const begin = async (connection: Connection, appends: Appender): Promise<string> => {
  const { prefix } = connection;
  if (await isOccupied(connection))
    throw new Error(
      `STORE_PREFIX: EventStoreDB already holds somebody else's streams ${prefix === '' ? '' : `under ${prefix} `}and no log of ours; choose another prefix.`,
    );
  const logId = randomUUID();
  const first = encoded({ type: 'LogBegun', data: { format: FORMAT, logId } });
  await appends.append(prefix + LOG_STREAM, [first], 'no_stream');
  return logId;
};

const attempt = async (connection: Connection, appends: Appender): Promise<string | undefined> => {
  try {
    await checkVersion(connection);
    await lastPosition(connection.follow, connection.limits.callMs); // followers need $all
    return (await findId(connection)) ?? (await begin(connection, appends));
  } catch (error) {
    if (error instanceof RevisionConflict) return undefined; // another process was first: read what it wrote
    const refused = isRefused(error) || (error instanceof Error && isRefused(error.cause));
    if (refused)
      throw new Error(
        'EVENTSTORE_URL: EventStoreDB refuses the user name or password, or that user may not read $all.',
      );
    const failed =
      error instanceof Error && !('code' in error) ? error : unavailable('opening the log', error);
    throw failed;
  }
};

/** The log's id, found or made. Waits for a server that does not answer; throws when waiting would not help. */
export const identify = async (
  connection: Connection,
  appends: Appender,
  signal?: AbortSignal,
): Promise<string> => {
  for (let pause = 100; ; pause = Math.min(MAX_PAUSE, pause * 2)) {
    try {
      const id = await attempt(connection, appends);
      if (id !== undefined) return id;
    } catch (error) {
      if (!(error instanceof LogUnavailable) || signal?.aborted) throw error;
      connection.report.warn('EVENTSTORE_URL: the server does not answer; trying again', {
        error: error.message,
      });
    }
    await delay(pause, undefined, signal ? { signal } : {});
  }
};
