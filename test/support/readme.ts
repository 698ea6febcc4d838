// The runnable parts of README.md, and what their answers may differ in.
import { readFileSync } from 'node:fs';

type Block = { readonly language: string; readonly text: string };

/** The fenced blocks that follow a marker comment; `count` of them after each. */
const blocksAfter = (marker: string, count: number): Block[][] => {
  const parts = readFileSync('README.md', 'utf8').split(`<!-- ${marker} -->`).slice(1);
  return parts.map((part) =>
    [...part.matchAll(/```(\w+)\n([\s\S]*?)```/g)]
      .slice(0, count)
      .map(([, language = '', text = '']) => ({ language, text })),
  );
};

/** Each request with the answer that the page shows for it. */
export const requests = (): { command: string; answer: unknown }[] =>
  blocksAfter('runs', 2).map(([command, answer]) => ({
    command: command?.text ?? '',
    answer: JSON.parse(answer?.text ?? 'null'),
  }));

/** Receivers: the program and the name of its file, from its first line. */
export const receivers = (): { file: string; text: string }[] =>
  blocksAfter('receiver', 1).map(([block]) => ({
    file: /^(?:\/\/|#|<\?php \/\/) (\S+):/.exec(block?.text ?? '')?.[1] ?? '',
    text: block?.text ?? '',
  }));

/** Puts one word in place of what differs from run to run: times, generated keys and ids. */
export const steady = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(steady);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, steady(inner)]));
  if (typeof value !== 'string') return value;
  return value
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/, 'TIME')
    .replace(/^sk_live_\w{32,}$/, 'KEY')
    .replace(/^evt_[0-9a-z]{26}$/, 'EVENT')
    .replace(/^use_[0-9a-z]{26}\./, 'USAGE.')
    .replace(/http:\/\/127\.0\.0\.1:\d+/, 'HOST');
};
