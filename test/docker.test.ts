// What docker-compose.yml and Dockerfile say, held to the code without an engine: nothing here starts a container.
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readConfig, roles, settings } from '../src/config.js';

type Service = {
  readonly image: string;
  readonly build?: string;
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly command?: readonly string[];
  readonly volumes: readonly string[];
  readonly ports?: readonly string[];
  readonly profiles?: readonly string[];
  readonly healthcheck: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
};
type Compose = { readonly services: Readonly<Record<string, Service>>; readonly volumes: object };

const compose = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as Compose;
const services = Object.entries(compose.services);
const ours = services.filter(([, { build }]) => build !== undefined);
const servers = services.filter(([, { build }]) => build === undefined);
const service = (name: string): Service => {
  const found = compose.services[name];
  if (!found) throw new Error(`There is no service ${name}.`);
  return found;
};

/** A value as compose hands it to the container: `${NAME:-default}` from the shell, `${NAME:?why}` or a refusal. */
const interpolated = (value: string | number, shell: Readonly<Record<string, string>>): string =>
  String(value).replaceAll(/\$\{(\w+):([-?])([^}]*)\}/g, (_, name: string, kind: string, text: string) => {
    const given = shell[name];
    if (given) return given;
    if (kind === '?') throw new Error(`${name}: ${text}`);
    return text;
  });
const environmentOf = ({ environment = {} }: Service, shell: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, interpolated(value, shell)]));

const key = Buffer.alloc(32, 7).toString('base64');

describe('docker-compose.yml', () => {
  test('runs the three servers and the product, each image by its exact version', () => {
    expect(servers.map(([name]) => name)).toEqual(['eventstore', 'mongodb', 'redis']);
    for (const [, { image }] of services) expect(image).toMatch(/^[a-z/-]+:\d+\.\d+\.\d+(-[a-z]+)?$/);
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    for (const [, { image }] of ours) expect(image).toBe(`core-api:${version}`);
  });

  test('hands on every setting that there is, and no other', () => {
    for (const [, one] of ours)
      expect(Object.keys(one.environment ?? {}).sort()).toEqual(Object.keys(settings.shape).sort());
  });

  test('gives settings that the product takes: all roles by default, one each in the profile `roles`', () => {
    const rolesOf = (name: string, shell: Readonly<Record<string, string>> = {}) =>
      readConfig(environmentOf(service(name), { ENCRYPTION_KEY: key, ...shell })).ROLES;
    expect(rolesOf('core-api')).toEqual([...roles]);
    expect(rolesOf('core-api', { ROLES: 'api' })).toEqual(['api']);
    expect(rolesOf('projections')).toEqual(['projections']);
    expect(rolesOf('deliveries')).toEqual(['deliveries']);
    expect(services.filter(([, { profiles }]) => profiles).map(([name]) => name)).toEqual([
      'projections',
      'deliveries',
    ]);
  });

  test('points the product at the servers in the file, and takes what the shell says instead', () => {
    const given = readConfig(environmentOf(service('core-api'), { ENCRYPTION_KEY: key }));
    for (const url of [given.EVENTSTORE_URL, given.MONGODB_URL, given.REDIS_URL])
      expect(Object.keys(compose.services)).toContain(new URL(url ?? '').hostname);
    const other = { ENCRYPTION_KEY: key, REDIS_URL: 'rediss://elsewhere:6380' };
    expect(readConfig(environmentOf(service('core-api'), other)).REDIS_URL).toBe('rediss://elsewhere:6380');
  });

  test('refuses to start without a key, and says how to make one', () =>
    expect(() => environmentOf(service('core-api'), {})).toThrow(
      /ENCRYPTION_KEY: .*openssl rand -base64 32/,
    ));

  test('keeps what Redis holds, and evicts nothing', () => {
    const said = (service('redis').command ?? []).join(' ');
    expect(said).toContain('--appendonly yes');
    expect(said).toContain('--maxmemory-policy noeviction');
  });

  test('keeps the data of each in a volume of its own', () => {
    const mounts = services.flatMap(([, { volumes }]) => volumes);
    const named = mounts.map((mount) => mount.split(':')[0] ?? '');
    expect([...new Set(named)].sort()).toEqual(Object.keys(compose.volumes).sort());
    for (const [name, { volumes }] of servers)
      expect(volumes.map((mount) => mount.startsWith(`${name}-`))).not.toContain(false);
    const { DATA_DIR } = readConfig(environmentOf(service('core-api'), { ENCRYPTION_KEY: key }));
    for (const [, { volumes }] of ours) expect(volumes).toEqual([`app-data:${DATA_DIR}`]);
  });

  test('starts the product when its servers are healthy, and publishes it to this machine alone', () => {
    const healthy = Object.fromEntries(servers.map(([name]) => [name, { condition: 'service_healthy' }]));
    for (const [, one] of ours) expect(one.depends_on).toEqual(healthy);
    for (const [, { healthcheck }] of services) expect(healthcheck.test.length).toBeGreaterThan(1);
    const published = services.filter(([, { ports }]) => ports);
    expect(published.map(([name]) => name)).toEqual(['core-api']);
    for (const port of service('core-api').ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:.+:3000$/);
  });
});

describe('Dockerfile', () => {
  const lines = readFileSync('Dockerfile', 'utf8').split('\n');
  const valuesOf = (word: string) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));

  test('copies what is there and what .dockerignore lets through', () => {
    const [all, ...through] = readFileSync('.dockerignore', 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(all).toBe('*');
    const copied = valuesOf('COPY')
      .filter((line) => !line.startsWith('--from'))
      .flatMap((line) => line.split(' ').slice(0, -1));
    expect([...new Set(copied)].map((file) => `!${file.replace('./', '')}`).sort()).toEqual(
      [...through].sort(),
    );
    expect(copied.filter((file) => !existsSync(file))).toEqual([]);
  });

  test('builds and runs on one exact version of Node, which the product supports', () => {
    const images = new Set(valuesOf('FROM').map((line) => line.split(' ')[0] ?? ''));
    expect(images.size).toBe(1);
    const [, version = ''] = /^node:(\d+\.\d+\.\d+)-/.exec([...images][0] ?? '') ?? [];
    const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { engines: { node: string } };
    const least = /^>=(\d+)/.exec(engines.node)?.[1];
    expect(Number(version.split('.')[0])).toBeGreaterThanOrEqual(Number(least));
  });

  test('runs as a plain user who owns the data folder, with a check of its health and SIGTERM for Node itself', () => {
    expect(valuesOf('USER')).toEqual(['node']);
    expect(lines.indexOf('USER node')).toBeLessThan(lines.findIndex((line) => line.startsWith('VOLUME')));
    expect(valuesOf('RUN').at(-1)).toContain('chown node:node /data');
    expect(valuesOf('HEALTHCHECK')[0]).toContain('/health');
  });

  test('starts Node with the flags of npm start', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: { start: string } };
    const flags = scripts.start.match(/--max\S+/g) ?? [];
    expect(flags).not.toEqual([]);
    expect(valuesOf('CMD').map((text) => JSON.parse(text))).toEqual([['node', ...flags, 'dist/main.js']]);
  });
});
