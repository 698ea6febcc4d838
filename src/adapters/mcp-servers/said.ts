// What a server process writes to its standard error, line by line into the log: without secrets, and not without end.
import type { Readable } from 'node:stream';
import { REDACTED, redactedText } from '../../domain/redaction.js';

const MAX_LINE = 500;
/** A line that is still not at its end is told in parts of this length. */
const MAX_KEPT = 65_536;
const MAX_LINES = 50;
const PER_MS = 10_000;
/** Shorter values of settings are words rather than secrets. */
const MIN_SECRET = 6;

/** `secrets`: values that the server was given. `tell` gets each line; how many were left out, when it was too many. */
export const tellLines = (
  stream: Readable,
  secrets: readonly string[],
  tell: (line: string, leftOut: number) => void,
): void => {
  const hidden = secrets.filter((value) => value.length >= MIN_SECRET);
  let rest = '';
  let left = MAX_LINES;
  let leftOut = 0;
  let until = 0;
  const line = (text: string) => {
    const now = performance.now();
    if (now > until) {
      until = now + PER_MS;
      left = MAX_LINES;
    }
    if (left === 0) {
      leftOut += 1;
      return;
    }
    left -= 1;
    const plain = hidden.reduce((said, secret) => said.replaceAll(secret, REDACTED), text);
    tell(
      plain
        .slice(0, MAX_LINE)
        .split(/(\s+)/)
        .map((word) => redactedText(word))
        .join(''),
      leftOut,
    );
    leftOut = 0;
  };
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split(/\r?\n/);
    rest = lines.pop() ?? '';
    if (rest.length > MAX_KEPT) {
      lines.push(rest);
      rest = '';
    }
    for (const text of lines) if (text.trim() !== '') line(text);
  });
};
