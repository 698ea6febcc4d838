// Tests from outside that `npm run test:servers` does not run again, with the reason of each. All others it does.

/** By file: why it says nothing about servers. */
export const leftOut: Readonly<Record<string, string>> = {
  'test/e2e/folder.test.ts':
    'With all three servers nothing in DATA_DIR is locked: several processes share them.',
  'test/crash/batch.test.ts': 'It cuts the log file where a crash would have ended it.',
  'test/e2e/verify.test.ts': 'It is about the log file, which there is none of.',
};
