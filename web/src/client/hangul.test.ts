import { describe, expect, it } from 'vitest';
import { FakeGuest, type Habits } from './guest.fake';
import { dubeolsik } from './hangul';
import { planOf } from './typing';
import { Typist } from './typist';

const ALL_HABITS: Habits[] = [false, true].flatMap((doubles) => [false, true].map((reorders) => ({ doubles, reorders })));
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => String.fromCodePoint(from + i));
const SYLLABLES = range(0xac00, 0xd7a3);
const LETTERS = range(0x3131, 0x3163);
/** One syllable for each initial, vowel and final. */
const SAMPLES = [...range(0, 18).map((_, i) => 0xac00 + i * 588), ...range(0, 20).map((_, i) => 0xac00 + i * 28), ...range(0, 27).map((_, i) => 0xac00 + i)].map(
  (codePoint) => String.fromCodePoint(codePoint),
);

async function arrives(text: string, habits?: Habits, mode?: { hangul: boolean }): Promise<string> {
  const guest = new FakeGuest(habits, mode);
  await new Typist(guest, () => Promise.resolve()).type(planOf(text));
  return guest.text;
}

/** The same numbers each time. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Some 100,000 syllables: seconds, on a machine that is busy with other suites many of them. */
const LIMIT_MS = 120_000;

describe('Hangul by the keys of dubeolsik', { timeout: LIMIT_MS }, () => {
  it('knows doubles, compound vowels and clusters', () => {
    expect(['한', '글', '값', '꽤', '쌍', '예', '얘', '의', '닭'].map(dubeolsik)).toEqual(['gks', 'rmf', 'rkqt', 'Rho', 'Tkd', 'dP', 'dO', 'dml', 'ekfr']);
    expect(['ㄱ', 'ㄳ', 'ㅃ', 'ㅏ', 'ㅢ', 'ㅣ', 'ㅎ'].map(dubeolsik)).toEqual(['r', 'rt', 'Q', 'k', 'ml', 'l', 'g']);
    expect(['a', '漢', '😀', '\u1100', '\u3164', '\ud7a4', ''].map(dubeolsik)).toEqual([null, null, null, null, null, null, null]);
  });

  it('makes every syllable and letter again, alone and in a row', async () => {
    const wrong = [...SYLLABLES, ...LETTERS].filter((char) => {
      const guest = new FakeGuest(undefined, { hangul: true });
      for (const key of dubeolsik(char) ?? '') guest.sendKey(key.charCodeAt(0), `Key${key.toUpperCase()}`);
      return guest.text !== `[${char}]`;
    });
    expect(wrong).toEqual([]);
    for (const habits of ALL_HABITS) expect(await arrives(SYLLABLES.join(''), habits)).toBe(SYLLABLES.join(''));
  });

  it('keeps neighbours apart, whatever the input method joins', async () => {
    for (const habits of ALL_HABITS) {
      for (const first of [...SAMPLES, ...LETTERS]) {
        const text = [...SAMPLES, ...LETTERS].map((second) => first + second).join(' ');
        expect(await arrives(text, habits)).toBe(text);
      }
    }
  });

  it('brings any mixture over, and is never left in the middle of a syllable', async () => {
    const next = random(20261128);
    const alphabet = [...SAMPLES, ...LETTERS, ...LETTERS, ...Array.from('aZ09 !\n\t~\\"'), '한', '글', '값'];
    for (let round = 0; round < 2000; round += 1) {
      const text = Array.from({ length: 1 + next(30) }, () => alphabet[next(alphabet.length)] ?? '').join('');
      expect(await arrives(text, ALL_HABITS[next(4)], { hangul: next(2) === 1 })).toBe(text);
    }
  });
});
