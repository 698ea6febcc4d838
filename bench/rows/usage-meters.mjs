// The same against an Emmett that keeps the records of a meter on one stream, as we do: for orientation, without a target,
// since its cost is that of the history that it folds. Ours begin with an empty meter and keep it, Emmett's begin anew.
import { runAgainst } from './usage.mjs';

const everyMeter = { name: 'Emmett in memory, a stream for each meter', env: { STREAM_PER_METER: '1' } };

export const run = () => runAgainst(everyMeter);
