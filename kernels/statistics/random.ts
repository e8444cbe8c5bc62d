/** A source of 32-bit numbers that a seed fixes: the same seed gives the same numbers anywhere. */
export type Random32 = () => number;

/**
 * xoshiro128++ 1.0 (Blackman and Vigna, "Scrambled linear pseudorandom number generators", ACM
 * TOMS 47, 2021; public-domain reference code at prng.di.unimi.it). Not for secrets.
 *
 * @param state four 32-bit words, not all 0; it is changed
 * @returns numbers 0 … 2^32 − 1
 */
export function xoshiro128(state: Uint32Array): Random32 {
  let [a = 0, b = 0, c = 0, d = 0] = state;
  return () => {
    const sum = (a + d) | 0;
    const result = (((sum << 7) | (sum >>> 25)) + a) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result;
  };
}

/**
 * The generator of a seed. The four words come from a splitmix sequence (golden-ratio steps through
 * the finaliser of MurmurHash3), as the authors of xoshiro advise, so that near seeds start far apart.
 *
 * @param seed a whole number; its lowest 32 bits count
 */
export function seededRandom(seed: number): Random32 {
  let word = seed >>> 0;
  const state = Uint32Array.from({ length: 4 }, () => {
    word = (word + 0x9e3779b9) >>> 0;
    let mixed = word;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  });
  return xoshiro128(state);
}
