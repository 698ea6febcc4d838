// Builds dist/ when a source file is newer than the last build, so that `npm start` is fast the second time.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = `${root}dist/.built`;
const newest = (dir) =>
  Math.max(
    ...readdirSync(dir, { recursive: true, withFileTypes: true }).map((entry) =>
      entry.isFile() ? statSync(`${entry.parentPath}/${entry.name}`).mtimeMs : 0,
    ),
  );
const sources = Math.max(
  newest(`${root}src`),
  ...['package.json', 'tsconfig.json', 'tsconfig.build.json'].map((file) => statSync(root + file).mtimeMs),
);

if (!existsSync(stamp) || statSync(stamp).mtimeMs < sources) {
  const compiler = `${root}node_modules/typescript/bin/tsc`;
  if (!existsSync(compiler)) {
    console.error(
      'core-api: TypeScript is not installed, so it cannot be built. Run `npm ci` (with dev dependencies).',
    );
    process.exit(1);
  }
  execFileSync(process.execPath, [compiler, '-p', `${root}tsconfig.build.json`], {
    stdio: 'inherit',
    cwd: root,
  });
  writeFileSync(stamp, '');
  utimesSync(stamp, new Date(), new Date(Math.max(sources, Date.now())));
}
