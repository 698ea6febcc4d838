// Absolute figures of starting and idling. Reported, never asserted: they describe the machine as much as the code.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedLog } from '../../dist/adapters/event-log/embedded.js';
import { startCore } from '../lib/core.mjs';
import { residentMegabytes, startScript } from '../lib/process.mjs';

const EVENTS = 1_000_000;
const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;

/** `git clone`, `npm ci`, `npm start` until it answers; then stop and start again. */
const fromClone = async () => {
  const dir = mkdtempSync(join(tmpdir(), 'core-api-clone-'));
  try {
    execFileSync('git', ['clone', '--quiet', '.', dir]);
    const started = performance.now();
    execFileSync('npm', ['ci', '--silent'], { cwd: dir, stdio: 'ignore' });
    const installed = performance.now();
    execFileSync(process.execPath, ['scripts/build-if-needed.mjs'], { cwd: dir });
    const env = { DATA_DIR: join(dir, 'data') };
    const first = await startScript(join(dir, 'dist/main.js'), env);
    const served = performance.now();
    await first.stop();
    const checked = performance.now();
    execFileSync(process.execPath, ['scripts/build-if-needed.mjs'], { cwd: dir });
    const second = await startScript(join(dir, 'dist/main.js'), env);
    const again = performance.now() - checked;
    await second.stop();
    return {
      'clean clone, npm ci': seconds(installed - started),
      'clean clone, npm ci + build + first start': seconds(served - started),
      'second start (build check + start)': seconds(again),
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
};

/** A million events as a year of a busy server leaves them: workspaces that change, and the caller's own events. */
const fill = async (dir) => {
  const log = await openEmbeddedLog({ dir });
  const uuid = (kind, n) => `01980000-0000-7000-800${kind}-${n.toString(16).padStart(12, '0')}`;
  const metadata = (workspaceId, n) => ({
    at: new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString(),
    audience: [workspaceId],
    actor: { key: uuid(1, 1), user: uuid(2, 1) },
    commandId: uuid(3, n),
    correlationId: `req_${n}`,
  });
  const workspaces = 20_000;
  const revisions = new Array(workspaces).fill(-1);
  const append = (n) => {
    const workspace = n % workspaces;
    const workspaceId = uuid(4, workspace);
    const revision = revisions[workspace]++;
    const surrounding = { id: uuid(5, n), metadata: metadata(workspaceId, n) };
    if (revision === -1)
      return log.append(
        `workspace-${workspaceId}`,
        [
          {
            ...surrounding,
            type: 'WorkspaceCreated',
            data: {
              workspaceId,
              number: workspace + 1,
              name: `Workspace ${workspace}`,
              slug: `workspace-${workspace}`,
              tier: 'pro',
              settings: { timezone: 'UTC', locale: 'en_GB' },
              tags: [],
              metadata: {},
              ownerId: uuid(2, workspace % 1000),
            },
          },
        ],
        'no_stream',
      );
    if (n % 2)
      return log.append(
        `workspace-${workspaceId}`,
        [
          {
            ...surrounding,
            type: 'WorkspaceUpdated',
            data: { workspaceId, changes: { name: `Workspace ${workspace}, ${n}` } },
          },
        ],
        'any',
      );
    return log.append(
      `published-${uuid(6, n)}`,
      [
        {
          ...surrounding,
          type: 'EventPublished',
          data: { workspaceId, type: 'post.created', data: { title: `Post ${n}` } },
        },
      ],
      'no_stream',
    );
  };
  for (let n = 0; n < EVENTS; n += 2_000)
    await Promise.all(Array.from({ length: 2_000 }, (_, index) => append(n + index)));
  await log.close();
};

const withMillion = async () => {
  const dir = mkdtempSync(join(tmpdir(), 'core-api-million-'));
  try {
    await fill(dir);
    // The subscriber has nothing to catch up with on a server that was running; the first start writes its checkpoint.
    const first = await startScript('dist/main.js', { DATA_DIR: dir });
    await first.stop();
    const server = await startScript('dist/main.js', { DATA_DIR: dir });
    const memory = residentMegabytes(server.pid);
    await server.stop();
    return {
      'start with 1,000,000 events (first)': seconds(first.startedInMs),
      'start with 1,000,000 events (again)': seconds(server.startedInMs),
      'resident memory with 1,000,000 events': `${memory?.toFixed(0)} MB`,
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
};

export const run = async () => {
  const idle = await startCore();
  const memory = residentMegabytes(idle.pid);
  const startedInMs = idle.startedInMs;
  await idle.stop();
  return [
    {
      name: 'Start and idle (absolute, this machine only)',
      figures: {
        'start on an empty folder': seconds(startedInMs),
        'resident memory, idle': `${memory?.toFixed(0)} MB`,
        ...(await withMillion()),
        ...(await fromClone()),
      },
    },
  ];
};
