// Answers that show a person are kept for a retry only sealed with that person's own key: an erasure reaches them too.
import type { StoredAnswer } from '../adapters/idempotency/port.js';
import { KeyDestroyed } from '../adapters/vault/port.js';
import { notFound } from '../domain/errors.js';

/** Seals and opens texts for a person (UUID); null = the person was erased. */
export type PersonSeal = {
  seal(person: string, field: string, text: string): Promise<string>;
  open(person: string, field: string, sealed: string): Promise<string | null>;
};

const FIELD = 'answer';

export const keptAnswers = ({ seal, open }: PersonSeal) => ({
  /** The answer as it is stored. Throws 404 for a person who was erased meanwhile. */
  async toKeep(answer: StoredAnswer, person: string | undefined): Promise<StoredAnswer> {
    if (person === undefined) return answer;
    try {
      return { ...answer, body: await seal(person, FIELD, answer.body), person };
    } catch (error) {
      throw error instanceof KeyDestroyed ? notFound() : error;
    }
  },

  /** The answer as it was given. Throws 404 when the person that it shows has been erased since. */
  async toShow(answer: StoredAnswer): Promise<StoredAnswer> {
    if (answer.person === undefined) return answer;
    const body = await open(answer.person, FIELD, answer.body);
    if (body === null) throw notFound();
    return { ...answer, body };
  },
});
