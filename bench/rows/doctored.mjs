// Checks the bench itself: a build made slow on purpose (1 ms of CPU a request) must show as slow.
import { run as get } from './get.mjs';
import { run as post } from './post.mjs';

export const run = async () => {
  const results = [];
  for (const row of [get, post]) {
    const [honest] = await row([], { pairs: 5 });
    const [slow] = await row(['--import', './bench/lib/doctor.mjs'], { pairs: 5 });
    const shows = slow.ratio.median < honest.ratio.min; // not the extremes: one noisy pair proves nothing
    results.push(
      { ...honest, name: `${honest.name}: honest build` },
      {
        ...slow,
        name: `${slow.name}: doctored build (${shows ? 'shows as slow' : 'DOES NOT SHOW'})`,
        target: undefined,
        failed: !shows,
      },
    );
  }
  return results;
};
