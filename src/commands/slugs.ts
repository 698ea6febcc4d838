// Slugs of records: a free one for a new record, and the exchange of one for another. Each is unique within its scope.
import { DomainError, invalid } from '../domain/errors.js';
import { isSlug, slugFrom } from '../domain/slugs.js';
import { ReservationLost } from '../domain/workspaces.js';
import { type CommandContext, randomFor } from './context.js';
import type { Folded } from './folding.js';
import type { Streams } from './handle.js';
import type { Reservations } from './reservations.js';

/** What a slug is unique in ('' = everywhere), and the name that is reserved for it. */
export type Slugged = { readonly slug: string; readonly scope: string };
export const reservedName = ({ slug, scope }: Slugged): string => scope + slug;

/** What a change that takes a slug rests on. Without a reservation it is a refusal, or the slug stays as it is. */
export type Resting = { readonly reservation?: number; readonly ifMatch?: number };

export type Slugs = {
  /** A free slug: the wanted one or 422; else from the name, with a suffix when taken, else from the kind of record. */
  forNew(
    wanted: { readonly name: string; readonly slug?: string | undefined },
    scope: string,
    id: string,
    context: CommandContext,
  ): Promise<{ slug: string; reservation: number }>;
  /** Runs a change of record `id` that takes `slug`, and frees the one before. Throws 422 when it is taken. */
  change<T>(
    id: string,
    slug: string,
    asking: { readonly command: CommandContext; readonly ifMatch?: number },
    run: (resting: Resting) => Promise<T>,
  ): Promise<T>;
  /** Frees the slug of a record that is gone. */
  free(held: Slugged, id: string, context: CommandContext): Promise<void>;
};

const MAX_TRIES = 8;
const slugTaken = () => invalid({ slug: 'The slug has already been taken.' });

/** `kind` begins a slug where the name gives none; `heldBy` = what a record holds, undefined when it is gone. */
export const slugKeeper = <S>(deps: {
  readonly kind: string;
  readonly names: Reservations;
  readonly streams: Pick<Streams<S, never, never>, 'load' | 'at'>;
  readonly heldBy: (state: S) => Slugged | undefined;
}): Slugs => {
  const { kind, names, streams, heldBy } = deps;

  /** The record as a change finds it: at the revision that the caller saw, when they say so. */
  const seen = (id: string, ifMatch: number | undefined): Promise<Folded<S>> =>
    ifMatch === undefined ? streams.load(id) : streams.at(id, ifMatch);

  return {
    async forNew(wanted, scope, id, context) {
      const base = wanted.slug ?? slugFrom(wanted.name);
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const suffix = randomFor(context, `slug-${tries}`).toString('hex').slice(0, 6);
        const slug = base === '' ? `${kind}-${suffix}` : tries === 0 ? base : `${base}-${suffix}`;
        const name = reservedName({ slug, scope });
        const reservation = isSlug(slug) ? await names.reserve(name, id, context) : undefined;
        if (reservation !== undefined) return { slug, reservation };
        if (wanted.slug !== undefined) throw slugTaken();
      }
      throw slugTaken();
    },

    /**
     * A rename holds only on the revision that was read before its reservation. So another rename cannot have given the
     * name up in between and release the very reservation that this one rests on.
     */
    async change(id, slug, { command, ifMatch }, run) {
      const same = ifMatch === undefined ? {} : { ifMatch };
      const { state, revision } = await seen(id, ifMatch);
      const before = heldBy(state);
      if (before === undefined || before.slug === slug) return run(same);
      const left = await names.held(reservedName(before), id);
      const reservation = await names.reserve(reservedName({ ...before, slug }), id, command);
      if (reservation === undefined) throw slugTaken();
      const result = await run({ reservation, ifMatch: ifMatch ?? revision }).catch((error: unknown) => {
        const moved = error instanceof DomainError && error.code === 'precondition_failed';
        throw moved && ifMatch === undefined ? new ReservationLost() : error;
      });
      if (left !== undefined) await names.release(reservedName(before), id, command, left);
      return result;
    },

    free: (held, id, context) => names.release(reservedName(held), id, context),
  };
};
