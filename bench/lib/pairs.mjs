// Alternating pairs: A B, B A, A B, … so that a machine that drifts drifts for both.

/** Median of numbers. */
export const median = (values) => {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/**
 * Runs both sides `pairs` times in turn, after one run of each that is not counted.
 * A side is an async function → { operations, seconds, cpuSeconds?, errors? }.
 */
export const alternate = async ({ name, target, subject, baseline, pairs = 7 }) => {
  await subject.measure();
  await baseline.measure();
  const counted = [];
  for (let pair = 0; pair < pairs; pair++) {
    const order = pair % 2 ? [baseline, subject] : [subject, baseline];
    const measured = new Map();
    for (const side of order) measured.set(side, await side.measure());
    counted.push({ subject: measured.get(subject), baseline: measured.get(baseline) });
  }
  const rate = ({ operations, seconds }) => operations / seconds;
  const cpu = ({ operations, cpuSeconds }) =>
    cpuSeconds === undefined ? undefined : (cpuSeconds / operations) * 1e6;
  const ratios = counted.map((pair) => rate(pair.subject) / rate(pair.baseline));
  const cpuRatios = counted.map((pair) => cpu(pair.baseline) / cpu(pair.subject));
  const side = (key) => ({
    name: key === 'subject' ? subject.name : baseline.name,
    rate: median(counted.map((pair) => rate(pair[key]))),
    cpuMicros: median(counted.map((pair) => cpu(pair[key]) ?? Number.NaN)),
    errors: counted.reduce((sum, pair) => sum + (pair[key].errors ?? 0), 0),
  });
  const result = {
    name,
    target,
    pairs,
    ratio: { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) },
    cpuRatio: { median: median(cpuRatios), min: Math.min(...cpuRatios), max: Math.max(...cpuRatios) },
    subject: side('subject'),
    baseline: side('baseline'),
  };
  return { ...result, failed: result.subject.errors + result.baseline.errors > 0 };
};

const number = (value, digits = 0) => (Number.isFinite(value) ? value.toFixed(digits) : '–');
const spread = ({ median: middle, min, max }) => `${number(middle, 2)} (${number(min, 2)}–${number(max, 2)})`;

/** A result as lines on the terminal. */
export const printPairs = (result) => {
  console.log(`\n${result.name}`);
  if (result.note) {
    console.log(`  ${result.note}`);
    return;
  }
  if (result.figures) {
    for (const [name, value] of Object.entries(result.figures)) console.log(`  ${name.padEnd(46)} ${value}`);
    return;
  }
  for (const side of [result.subject, result.baseline])
    console.log(
      `  ${side.name.padEnd(46)} ${number(side.rate).padStart(9)}/s  ${number(side.cpuMicros, 1).padStart(8)} µs CPU each${side.errors ? `  ${side.errors} ERRORS` : ''}`,
    );
  console.log(
    `  ratio of rates, median (spread) of ${result.pairs} pairs: ${spread(result.ratio)}${result.target ? `; wanted ≥ ${result.target}` : ''}`,
  );
  console.log(`  ratio of CPU per operation (above 1 = we need less):   ${spread(result.cpuRatio)}`);
};
