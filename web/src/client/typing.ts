// Turns text (from the phone's text box) into key strokes. Characters of a US keyboard go out with
// their physical key, so any guest types them; all others, Hangul syllables among them, as Unicode
// keysyms, which only guests that understand those can type. Nothing here touches the keys that a
// person presses herself: those are noVNC's, unmapped, so that the guest's own IME composes.

export interface Stroke {
  keysym: number;
  code: string | null;
  shift: boolean;
}

const SHIFT = { keysym: 0xffe1, code: 'ShiftLeft' };
const UNICODE = 0x0100_0000;

const ROWS: readonly [string, string, readonly string[]][] = [
  ['1234567890', '!@#$%^&*()', Array.from('1234567890', (d) => `Digit${d}`)],
  ['-=[]\\', '_+{}|', ['Minus', 'Equal', 'BracketLeft', 'BracketRight', 'Backslash']],
  [";'`,./", ':"~<>?', ['Semicolon', 'Quote', 'Backquote', 'Comma', 'Period', 'Slash']],
];

function plainKeys(): Map<string, { code: string; shift: boolean }> {
  const keys = new Map<string, { code: string; shift: boolean }>([[' ', { code: 'Space', shift: false }]]);
  for (const letter of 'abcdefghijklmnopqrstuvwxyz') {
    const code = `Key${letter.toUpperCase()}`;
    keys.set(letter, { code, shift: false });
    keys.set(letter.toUpperCase(), { code, shift: true });
  }
  for (const [plain, shifted, codes] of ROWS) {
    codes.forEach((code, i) => {
      keys.set(plain.charAt(i), { code, shift: false });
      keys.set(shifted.charAt(i), { code, shift: true });
    });
  }
  return keys;
}

const PLAIN = plainKeys();
const CONTROL = new Map<string, Stroke>([
  ['\n', { keysym: 0xff0d, code: 'Enter', shift: false }],
  ['\t', { keysym: 0xff09, code: 'Tab', shift: false }],
]);

export function keysymOf(codePoint: number): number {
  const latin1 = (codePoint >= 0x20 && codePoint <= 0x7e) || (codePoint >= 0xa0 && codePoint <= 0xff);
  return latin1 ? codePoint : UNICODE | codePoint;
}

export function strokesOf(text: string): Stroke[] {
  const strokes: Stroke[] = [];
  for (const char of text.normalize('NFC').replace(/\r\n?/g, '\n')) {
    const control = CONTROL.get(char);
    if (control) {
      strokes.push(control);
      continue;
    }
    const codePoint = char.codePointAt(0) ?? 0;
    if (codePoint < 0x20 || codePoint === 0x7f) continue;
    const key = PLAIN.get(char);
    strokes.push({ keysym: keysymOf(codePoint), code: key?.code ?? null, shift: key?.shift ?? false });
  }
  return strokes;
}

/** True when some of the text depends on the guest understanding Unicode keysyms. */
export function needsUnicode(text: string): boolean {
  return strokesOf(text).some((stroke) => stroke.code === null);
}

export type SendKey = (keysym: number, code: string | null, down?: boolean) => void;

export function sendStrokes(strokes: Stroke[], send: SendKey): void {
  for (const stroke of strokes) {
    if (stroke.shift) send(SHIFT.keysym, SHIFT.code, true);
    send(stroke.keysym, stroke.code);
    if (stroke.shift) send(SHIFT.keysym, SHIFT.code, false);
  }
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
