// Turns text (from the phone's text box) into key strokes. Every character goes out as a key that a
// Korean keyboard has, with its code: the display server knows no others, and drops a keysym alone.
// Hangul is therefore composed by the desktop's own input method, in the mode that a step asks for.
// Nothing here touches the keys that a person presses herself: those are noVNC's, unmapped.
import { dubeolsik, runsTogether } from './hangul';

export interface Stroke {
  keysym: number;
  code: string;
  shift: boolean;
}

/** What types one character, or nothing but the change of mode that commits the syllable before. */
export interface Step {
  /** The mode the desktop's input method has to be in; null: the key is the same in both. */
  hangul: boolean | null;
  strokes: readonly Stroke[];
  /** So much of the plan's text is typed after it. */
  end: number;
}

export interface Plan {
  text: string;
  steps: Step[];
  /** What no key types, and how often it is in the text. */
  leftOut: Map<string, number>;
}

const SHIFT = { keysym: 0xffe1, code: 'ShiftLeft' };

const ROWS: readonly [string, string, readonly string[]][] = [
  ['1234567890', '!@#$%^&*()', Array.from('1234567890', (d) => `Digit${d}`)],
  ['-=[]\\', '_+{}|', ['Minus', 'Equal', 'BracketLeft', 'BracketRight', 'Backslash']],
  [";'`,./", ':"~<>?', ['Semicolon', 'Quote', 'Backquote', 'Comma', 'Period', 'Slash']],
];

function plainKeys(): Map<string, Stroke> {
  const keys = new Map<string, Stroke>([
    [' ', { keysym: 0x20, code: 'Space', shift: false }],
    ['\n', { keysym: 0xff0d, code: 'Enter', shift: false }],
    ['\t', { keysym: 0xff09, code: 'Tab', shift: false }],
  ]);
  const add = (char: string, code: string, shift: boolean) => keys.set(char, { keysym: char.charCodeAt(0), code, shift });
  for (const letter of 'abcdefghijklmnopqrstuvwxyz') {
    const upper = letter.toUpperCase();
    add(letter, `Key${upper}`, false);
    add(upper, `Key${upper}`, true);
  }
  for (const [plain, shifted, codes] of ROWS) {
    codes.forEach((code, i) => {
      add(plain.charAt(i), code, false);
      add(shifted.charAt(i), code, true);
    });
  }
  return keys;
}

const PLAIN = plainKeys();
const strokesOf = (keys: string): Stroke[] => Array.from(keys).flatMap((key) => PLAIN.get(key) ?? []);

/**
 * Letters need their mode. Digits, signs and the space are the same in both and commit by themselves; Enter
 * and Tab are too, but programs are known to take one that ends a syllable for a part of the composing.
 */
const modeOf = (char: string): boolean | null => (/[A-Za-z\n\t]/.test(char) ? false : null);

/** What a person sees as one character: an emoji of five code points counts once. */
const characters = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

export function planOf(written: string): Plan {
  const text = written.normalize('NFC').replace(/\r\n?/g, '\n');
  const steps: Step[] = [];
  const leftOut = new Map<string, number>();
  let composing = '';
  let end = 0;
  const commit = () => steps.push({ hangul: false, strokes: [], end });
  for (const { segment, index } of characters.segment(text)) {
    const isOne = Array.from(segment).length === 1;
    const hangul = isOne ? dubeolsik(segment) : null;
    const plain = isOne ? PLAIN.get(segment) : undefined;
    if (hangul) {
      if (composing && runsTogether(composing, hangul)) commit();
      composing = hangul;
    } else if (plain) composing = '';
    else leftOut.set(segment, (leftOut.get(segment) ?? 0) + 1);
    end = index + segment.length;
    if (hangul) steps.push({ hangul: true, strokes: strokesOf(hangul), end });
    else if (plain) steps.push({ hangul: modeOf(segment), strokes: [plain], end });
  }
  if (composing) commit();
  return { text, steps, leftOut };
}

export type SendKey = (keysym: number, code: string | null, down?: boolean) => void;

export function sendStroke(stroke: Stroke, send: SendKey): void {
  if (stroke.shift) send(SHIFT.keysym, SHIFT.code, true);
  send(stroke.keysym, stroke.code);
  if (stroke.shift) send(SHIFT.keysym, SHIFT.code, false);
}

/** The keys a browser or the local system keeps for itself. */
export const CHORDS = {
  altTab: [
    [0xffe9, 'AltLeft'],
    [0xff09, 'Tab'],
  ],
  windows: [[0xffeb, 'MetaLeft']],
  hangul: [[0xff31, 'Lang1']],
  hanja: [[0xff34, 'Lang2']],
  escape: [[0xff1b, 'Escape']],
  backspace: [[0xff08, 'Backspace']],
  enter: [[0xff0d, 'Enter']],
} as const satisfies Record<string, readonly (readonly [number, string])[]>;

export type Chord = keyof typeof CHORDS;

export function sendChord(chord: Chord, send: SendKey): void {
  const keys = CHORDS[chord];
  for (const [keysym, code] of keys) send(keysym, code, true);
  for (const [keysym, code] of [...keys].reverse()) send(keysym, code, false);
}
