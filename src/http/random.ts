// Random bytes, drawn for many uses at once: a draw costs more than what is done with it.
import { randomFillSync } from 'node:crypto';

const pool = Buffer.alloc(16_384);
let drawn = pool.length;

/** `size` random bytes (at most 1024), given to nobody else. */
export const randomBytes = (size: number): Buffer => {
  if (drawn + size > pool.length) {
    randomFillSync(pool);
    drawn = 0;
  }
  const bytes = Buffer.from(pool.subarray(drawn, drawn + size));
  pool.fill(0, drawn, drawn + size);
  drawn += size;
  return bytes;
};
