// A test double of EventStoreDB as a process: node main.mjs --dir D [--port N] [--cert F --key F --user name:password] [--die-on TYPE] [--version V]
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { appends } from './appends.mjs';
import {
  failure,
  features,
  GossipService,
  gossip,
  grpc,
  ServerFeaturesService,
  StreamsService,
  shared,
} from './messages.mjs';
import { reads } from './reads.mjs';
import { openStore } from './store.mjs';

/** The server's limit of simultaneous streams on one connection. */
const MAX_STREAMS = 100;
const MAX_MESSAGE = 17 * 1024 * 1024;

const { values } = parseArgs({
  options: {
    dir: { type: 'string' },
    port: { type: 'string', default: '0' },
    cert: { type: 'string' },
    key: { type: 'string' },
    user: { type: 'string' },
    'die-on': { type: 'string' },
    version: { type: 'string', default: '23.10.6' },
  },
});
if (!values.dir) throw new Error('--dir is needed: where the data is kept.');

const store = openStore(values.dir);

/** A crash at the worst moment: after the write, before its answer. */
const stored = (events) => {
  if (values['die-on'] && events.some(({ type }) => type === values['die-on']))
    process.kill(process.pid, 'SIGKILL');
};

const wanted = values.user && `Basic ${Buffer.from(values.user).toString('base64')}`;
/** With `--user`, calls without the right credentials are refused before they are handled. */
const guarded = (handlers) =>
  Object.fromEntries(
    Object.entries(handlers).map(([name, handler]) => [
      name,
      (call, answer) => {
        if (!wanted || call.metadata.get('authorization')[0] === wanted) return handler(call, answer);
        const refused = failure(grpc.status.UNAUTHENTICATED, 'Unauthenticated');
        return answer ? answer(refused) : call.emit('error', refused);
      },
    ]),
  );

const supported = new features.SupportedMethods().setEventStoreServerVersion(
  `${values.version} (test double)`,
);
for (const { path } of Object.values(StreamsService)) {
  const [, service, method] = path.split('/');
  supported.addMethods(
    new features.SupportedMethod().setServiceName(service.toLowerCase()).setMethodName(method.toLowerCase()),
  );
}

const server = new grpc.Server({
  'grpc.max_concurrent_streams': MAX_STREAMS,
  'grpc.max_receive_message_length': MAX_MESSAGE,
});
server.addService(StreamsService, guarded({ read: reads(store), ...appends(store, stored) }));
server.addService(ServerFeaturesService, { getSupportedMethods: (_call, answer) => answer(null, supported) });
server.addService(GossipService, {
  read: (_call, answer) => {
    const endPoint = new gossip.EndPoint().setAddress('127.0.0.1').setPort(listening);
    const LEADER = gossip.MemberInfo.VNodeState.LEADER;
    const member = new gossip.MemberInfo()
      .setInstanceId(new shared.UUID().setString('00000000-0000-4000-8000-000000000001'))
      .setTimeStamp('0')
      .setState(LEADER)
      .setIsAlive(true)
      .setHttpEndPoint(endPoint);
    answer(null, new gossip.ClusterInfo().setMembersList([member]));
  },
});

const credentials =
  values.cert && values.key
    ? grpc.ServerCredentials.createSsl(null, [
        { cert_chain: readFileSync(values.cert), private_key: readFileSync(values.key) },
      ])
    : grpc.ServerCredentials.createInsecure();
let listening = 0;
server.bindAsync(`127.0.0.1:${values.port}`, credentials, (error, port) => {
  if (error) throw error;
  listening = port;
  process.stdout.write(`listening on ${port}\n`);
});
process.on('SIGTERM', () => process.exit(0));

/** Whoever started it may be killed without a chance to end it. */
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.exit(0), 1_000);
