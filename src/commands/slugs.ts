// Slugs of records: a free one for a new record, and the exchange of one for another. Each is unique within its scope.
import { invalid } from '../domain/errors.js';
import { isSlug, slugFrom } from '../domain/slugs.js';
import { type CommandContext, randomFor } from './context.js';
import type { Streams } from './handle.js';
import { exchanging, type Reservations, type Resting } from './reservations.js';

/** What a slug is unique in ('' = everywhere, else a text that ends in `/`), and the name that is reserved for it. */
export type Slugged = { readonly slug: string; readonly scope: string };
export const reservedName = ({ slug, scope }: Slugged): string => scope + slug;

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

  const exchange = exchanging<S>({
    names,
    streams,
    heldBy: (state) => {
      const held = heldBy(state);
      return held && reservedName(held);
    },
    taken: slugTaken,
  });

  return {
    async forNew(wanted, scope, id, context) {
      const base = wanted.slug ?? slugFrom(wanted.name);
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const suffix = () => randomFor(context, `slug-${tries}`).toString('hex').slice(0, 6);
        const slug = base === '' ? `${kind}-${suffix()}` : tries === 0 ? base : `${base}-${suffix()}`;
        const name = reservedName({ slug, scope });
        const reservation = isSlug(slug) ? await names.reserve(name, id, context) : undefined;
        if (reservation !== undefined) return { slug, reservation };
        if (wanted.slug !== undefined) throw slugTaken();
      }
      throw slugTaken();
    },

    // No slug has a `/`: what ends in the last one is the scope.
    change: (id, slug, asking, run) =>
      exchange(id, (before) => before.slice(0, before.lastIndexOf('/') + 1) + slug, asking, run),

    free: (held, id, context) => names.release(reservedName(held), id, context),
  };
};
