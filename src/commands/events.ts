// Publishing a caller's own event: one append, answered as soon as it is on disk.
import { type EventLog, RevisionConflict } from '../adapters/event-log/port.js';
import type { JsonObject, Recorded } from '../domain/decider.js';
import { type PublishedEvent, publishedEvent } from '../domain/events.js';
import { derivedId, newId } from '../domain/ids.js';
import { type CommandContext, idFor, metadataFor } from './context.js';
import { StaleCommand } from './folding.js';

export type NewEvent = {
  readonly type: string;
  readonly data: JsonObject;
  /** The caller's own id: the same one twice is one event. */
  readonly id?: string | undefined;
};
/** `id` is the UUID of the event in the log. */
export type EventAnswer = { readonly id: string; readonly type: string; readonly createdAt: string };

export type EventCommands = {
  /** Throws `conflict` when the id was used for other content. */
  publish(
    input: NewEvent,
    asking: { command: CommandContext; workspace: { id: string } },
  ): Promise<EventAnswer>;
};

const DAY = 86_400_000;

const answer = ({ id, data, metadata }: Recorded<PublishedEvent>): EventAnswer => ({
  id,
  type: data.type,
  createdAt: metadata.at,
});

export const eventCommands = (log: EventLog, now: () => Date): EventCommands => {
  const first = async (stream: string): Promise<Recorded<PublishedEvent>> => {
    for await (const event of log.read(stream, { limit: 1 }))
      return event as Recorded as Recorded<PublishedEvent>;
    throw new Error(`${stream} has no event`);
  };

  return {
    async publish({ type: name, data, id }, { command, workspace }) {
      const workspaceId = workspace.id;
      const stream = `published-${id === undefined ? idFor(command, 'stream') : derivedId(workspaceId, 'event', id)}`;
      const publish = { type: 'PublishEvent', workspaceId, name, data } as const;
      const metadata = metadataFor(command, workspaceId, now());
      const eventId = newId();
      const decided = publishedEvent.decide(publish, publishedEvent.initialState);
      try {
        await log.append(
          stream,
          decided.map((event) => ({ id: eventId, ...event, metadata })),
          'no_stream',
        );
      } catch (error) {
        if (!(error instanceof RevisionConflict)) throw error;
        const known = await first(stream);
        // Without an id of the caller's the stream is named after the command, whose id lasts for a day.
        if (id === undefined && now().getTime() - Date.parse(known.metadata.at) > DAY)
          throw new StaleCommand(known.position);
        publishedEvent.decide(publish, publishedEvent.evolve(publishedEvent.initialState, known));
        return answer(known);
      }
      return { id: eventId, type: name, createdAt: metadata.at };
    },
  };
};
