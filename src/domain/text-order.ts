// The order of texts, wherever they are sorted: that of their code points.

/**
 * Compares strings by code point. UTF-16 code units order the same, but for surrogates (U+D800 to U+DFFF), which
 * stand for what is above U+FFFF: they are moved above the rest before comparing.
 */
export const compareText = (a: string, b: string): number => {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left !== right) return lift(left) - lift(right);
  }
  return a.length - b.length;
};

const lift = (unit: number): number => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800);
