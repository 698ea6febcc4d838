// Rate-limit counters in memory: sliding windows of 240 slices and the one that is being left, per key.
import type { Counters, Usage, Window } from './port.js';

// A span of a whole window touches 241 slices when it does not begin at the edge of one; counting all of them is what
// keeps any span within the ceiling.
const slices = 240;
const ringSize = slices + 1;

/** The hits of one window. `newest` and `oldest` are absolute slice numbers; all hits lie between them. */
type Slide = {
  readonly windowMs: number;
  newest: number;
  oldest: number;
  sum: number;
  /** Made when hits fall into a second slice: most addresses never come again. */
  ring: Uint32Array | undefined;
};

const sliceOf = (windowMs: number, now: number): number => Math.floor((now * slices) / windowMs);

const emptySlide = (windowMs: number, now: number): Slide => {
  const slice = sliceOf(windowMs, now);
  return { windowMs, newest: slice, oldest: slice, sum: 0, ring: undefined };
};

const restart = (slide: Slide, slice: number) => {
  slide.newest = slice;
  slide.oldest = slice;
  slide.sum = 0;
  slide.ring?.fill(0);
};

/** Lets go of what has left the window. Each slice is passed once. */
const advance = (slide: Slide, now: number) => {
  const slice = sliceOf(slide.windowMs, now);
  // A clock that is set back a little goes on in the newest slice; one set back by a window starts anew.
  if (slice - slide.newest >= ringSize || slide.newest - slice >= ringSize) return restart(slide, slice);
  if (slice > slide.newest) slide.newest = slice;
  const { ring } = slide;
  if (!ring) {
    if (slide.sum === 0 || slide.newest - slide.oldest >= ringSize) restart(slide, slide.newest);
    return;
  }
  while (slide.oldest < slide.newest) {
    const at = slide.oldest % ringSize;
    const hits = ring[at] ?? 0;
    if (hits > 0 && slide.newest - slide.oldest < ringSize) return;
    slide.sum -= hits;
    ring[at] = 0;
    slide.oldest += 1;
  }
};

const count = (slide: Slide) => {
  if (!slide.ring && slide.newest > slide.oldest) {
    slide.ring = new Uint32Array(ringSize);
    slide.ring[slide.oldest % ringSize] = slide.sum;
  }
  if (slide.ring) {
    const at = slide.newest % ringSize;
    slide.ring[at] = (slide.ring[at] ?? 0) + 1;
  }
  slide.sum += 1;
};

const usageOf = ({ sum, oldest, windowMs }: Slide, now: number): Usage => ({
  used: sum,
  freesAt: sum === 0 ? now : Math.ceil(((oldest + ringSize) * windowMs) / slices),
});

/**
 * The keys whose longest window is the same, in two generations: what was not used during a whole one has left its
 * windows, and goes without being looked for.
 */
type Generations = {
  readonly lifeMs: number;
  young: Map<string, Slide[]>;
  old: Map<string, Slide[]>;
  turnAt: number;
};

const turn = (kept: Generations, now: number) => {
  const { lifeMs } = kept;
  if (kept.turnAt - now > 2 * lifeMs) kept.turnAt = now + lifeMs; // the clock was set back
  if (now < kept.turnAt) return;
  kept.old = kept.young;
  kept.young = new Map();
  kept.turnAt = now + lifeMs;
};

const slidesOf = ({ young, old }: Generations, key: string): Slide[] => {
  let slides = young.get(key);
  if (!slides) {
    slides = old.get(key) ?? [];
    young.set(key, slides);
  }
  return slides;
};

/**
 * Makes the counters. A key is forgotten once it has been idle for its longest window twice; `size` says how many are
 * held. Those of clients without a key, who may come from anywhere, do not stay for as long as the others.
 */
export const embeddedCounters = (): Counters & { size(): number } => {
  const kept = new Map<number, Generations>();

  const generationsOf = (windows: readonly Window[], now: number): Generations => {
    let longest = 0;
    for (const { windowMs } of windows) if (windowMs > longest) longest = windowMs;
    let found = kept.get(longest);
    if (!found) {
      const lifeMs = (longest * ringSize) / slices;
      found = { lifeMs, young: new Map(), old: new Map(), turnAt: now + lifeMs };
      kept.set(longest, found);
    }
    return found;
  };

  return {
    hit(key, windows, judge, now) {
      const generations = generationsOf(windows, now);
      turn(generations, now);
      const held = slidesOf(generations, key);
      const slides = windows.map(({ windowMs }, at) => {
        let slide = held[at];
        if (slide?.windowMs !== windowMs) {
          slide = emptySlide(windowMs, now);
          held[at] = slide;
        }
        advance(slide, now);
        return slide;
      });
      const used = slides[judge]?.sum ?? 0;
      const admitted = used < (windows[judge]?.ceiling ?? Number.POSITIVE_INFINITY);
      if (admitted) slides.forEach(count);
      return { admitted, usage: slides.map((slide) => usageOf(slide, now)) };
    },

    size: () => [...kept.values()].reduce((sum, { young, old }) => sum + young.size + old.size, 0),

    async close() {
      kept.clear();
    },
  };
};
