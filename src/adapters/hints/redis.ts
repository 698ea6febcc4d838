// Hints over a channel of Redis: what is told within a few milliseconds goes out as one message.
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { StoreOptions } from '../connection.js';
import { connectRedis, failingFast, redisClient, waiting } from '../redis-connection.js';
import type { Hints } from './port.js';

/** What is told meanwhile goes with it, in ms. */
const TOGETHER_MS = 3;

const Message = z.object({ from: z.string(), positions: z.record(z.string(), z.number()) });

/** Opens the channel of a log. Throws one plain sentence naming REDIS_URL when it is refused. */
export const openRedisHints = async (options: StoreOptions & { readonly logId: string }): Promise<Hints> => {
  const channel = `${options.prefix}core-api:${options.logId}:positions`;
  const redis = await connectRedis(options, failingFast);
  const quiet = { ...options, report: { warn: () => undefined } }; // the other connection tells of outages
  const listening = redisClient(quiet, { ...waiting, lazyConnect: true });
  const from = randomUUID();
  let untold: Record<string, number> = {};
  let timer: NodeJS.Timeout | undefined;

  const send = () => {
    timer = undefined;
    const message = JSON.stringify({ from, positions: untold });
    untold = {};
    redis.publish(channel, message).catch(() => undefined);
  };

  return {
    tell(positions) {
      Object.assign(untold, positions);
      timer ??= setTimeout(send, TOGETHER_MS).unref();
    },
    hear(listener) {
      listening.on('message', (_, text) => {
        const message = Message.safeParse(JSON.parse(text));
        if (message.success && message.data.from !== from) listener(message.data.positions);
      });
      // Subscribes again by itself whenever the connection was lost.
      listening.subscribe(channel).catch(() => undefined);
    },
    async close() {
      clearTimeout(timer);
      redis.disconnect();
      listening.disconnect();
    },
  };
};
