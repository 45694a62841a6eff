// Hangul as the key strokes of dubeolsik (두벌식), the layout that every Korean input method has: each
// character of a result is a key of the US layout, an upper-case letter is that key with Shift.

const INITIAL = 'r R s e E f a q Q t T d w W c z x v g'.split(' ');
const VOWEL = 'k o i O j p u P h hk ho hl y n nj np nl b m ml l'.split(' ');
const FINAL = ['', ...'r R rt s sw sg e f fr fa fq ft fx fv fg a q qt t T d w c z x v g'.split(' ')];
/** U+3131 ㄱ to U+3163 ㅣ: letters that stand alone. */
const LETTER = [...'r R rt s sw sg e E f fr fa fq ft fx fv fg a q Q qt t T d w W c z x v g'.split(' '), ...VOWEL];

const FIRST_SYLLABLE = 0xac00;
const SYLLABLES = INITIAL.length * VOWEL.length * FINAL.length;
const FIRST_LETTER = 0x3131;

/** The keys of a syllable or of a letter alone; null for everything else, old Hangul included. */
export function dubeolsik(char: string): string | null {
  const codePoint = char.codePointAt(0) ?? 0;
  const index = codePoint - FIRST_SYLLABLE;
  if (index < 0 || index >= SYLLABLES) return LETTER[codePoint - FIRST_LETTER] ?? null;
  const final = index % FINAL.length;
  const vowel = ((index - final) / FINAL.length) % VOWEL.length;
  const initial = Math.floor(index / (FINAL.length * VOWEL.length));
  return `${INITIAL[initial] ?? ''}${VOWEL[vowel] ?? ''}${FINAL[final] ?? ''}`;
}

const isVowel = (key = '') => 'koiOjpuPhynbml'.includes(key);
const hasVowel = (keys: string) => Array.from(keys).some(isVowel);
/** Two consonants that some input method makes one of: final clusters, and doubles by a second press. */
const DOUBLES = ['rr', 'ee', 'qq', 'tt', 'ww'];
const JOINED = new Set([...FINAL.filter((keys) => keys.length === 2), ...DOUBLES]);

/**
 * True when the keys of two neighbours, typed in a row, could come out as something else, so that the
 * first has to be committed before the second. Syllables never need that (a final goes over to the vowel
 * that follows it, 각+아 stays 각아); letters alone do: 가+ㄱ would be 각, 각+ㅏ 가가, ㅗ+ㅏ ㅘ. When input
 * methods differ the answer is true: committing once too often is not seen.
 */
export function runsTogether(before: string, after: string): boolean {
  const last = before.at(-1) ?? '';
  const first = after.charAt(0);
  // ㅠㅠ: no vowel is written by the same key twice.
  if (isVowel(first)) return last !== first;
  if (!hasVowel(after)) return isVowel(last) || JOINED.has(last + first);
  // Some input methods put a consonant that comes late before a vowel alone (ㅏ+ㄱ: 가).
  return isVowel(before.charAt(0)) || (!hasVowel(before) && DOUBLES.includes(last + first));
}
