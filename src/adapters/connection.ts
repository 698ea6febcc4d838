// What the clients of Redis and MongoDB have in common: where they report, and how long they wait.

export type Report = { warn(message: string, details: object): void };

/** What every client needs to know: the URL of its server, the prefix of all names in it, and where to report. */
export type StoreOptions = { readonly url: string; readonly prefix: string; readonly report: Report };

/** A store that gives no answer for this long counts as down, in ms. */
export const answerWithin = 4_500;

export class TooLate extends Error {
  override readonly name = 'TooLate';
}

/** The operation's result, or TooLate after `ms`; the operation itself is not stopped. */
export const within = async <T>(ms: number, operation: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TooLate(`nothing within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([operation, tooLate]);
  } finally {
    clearTimeout(timer);
  }
};

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
