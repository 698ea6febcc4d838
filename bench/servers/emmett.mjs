// Baseline: Emmett's command handler on its in-memory event store, behind a plain Express 5 route.
import { randomUUID } from 'node:crypto';
import { CommandHandler, getInMemoryEventStore } from '@event-driven-io/emmett';
import express from 'express';

const eventStore = getInMemoryEventStore();
const handle = CommandHandler({
  evolve: (state, { type, data }) =>
    type === 'WorkspaceCreated' ? { ...state, ...data, status: 'active' } : state,
  initialState: () => ({ status: 'absent' }),
});

const record = CommandHandler({
  evolve: (state, { type, data }) =>
    type === 'UsageRecorded' ? { used: state.used + data.quantity } : state,
  initialState: () => ({ used: 0 }),
});

const app = express();
app.use(express.json());
app.post('/api/v1/workspaces', async (request, response) => {
  const { name, tier = 'free' } = request.body;
  if (typeof name !== 'string' || name.length === 0 || name.length > 255) {
    response.status(422).json({ error: 'validation_failed' });
    return;
  }
  const id = randomUUID();
  const data = {
    id,
    name,
    slug: name.toLowerCase().replaceAll(' ', '-'),
    tier,
    created_at: new Date().toISOString(),
  };
  const { newState } = await handle(eventStore, `workspace-${id}`, (state) => {
    if (state.status !== 'absent') throw new Error('exists');
    return { type: 'WorkspaceCreated', data };
  });
  const { status, ...shown } = newState;
  response.status(201).json({ message: 'Workspace created successfully.', data: shown });
});
/** A stream for each meter, as ours has them; else one for each record: then nothing is ever folded. */
const usageStream = process.env.STREAM_PER_METER
  ? (feature) => `usage-${feature}`
  : () => `usage-${randomUUID()}`;
app.post('/api/v1/entitlements/usage', async (request, response) => {
  const { feature, quantity = 1 } = request.body;
  if (typeof feature !== 'string' || !Number.isSafeInteger(quantity) || quantity < 1) {
    response.status(422).json({ error: 'validation_failed' });
    return;
  }
  const data = { feature, quantity, recorded_at: new Date().toISOString() };
  const { newState } = await record(eventStore, usageStream(feature), ({ used }) => {
    if (used + quantity > 1e15) throw new Error('limit');
    return { type: 'UsageRecorded', data };
  });
  response.json({ recorded: true, feature, current_usage: newState.used, limit: 1e15 });
});
const server = app.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
