// How an accepted event is shown: the same in both dialects, since its id was always a prefixed one.
import { publicId } from '../domain/ids.js';
import { seconds } from './dialect.js';

/** `id` is the UUID of the event in the log: receivers see the same public id. */
export const acceptedEvent = ({
  id,
  type,
  createdAt,
}: {
  id: string;
  type: string;
  createdAt: string;
}): object => ({
  id: publicId('event', id),
  type,
  created_at: seconds(createdAt),
});
