// What the desktop's input method is taken to be in: Hangul or Latin. No protocol tells; it starts in
// Latin, and every key that goes out is looked at: 한/영, and the two that guest images give for it,
// Shift+Space and the right Alt key alone. It is a belief: another guest may have other keys, and
// somebody else may have typed before. So it is shown, and a person can correct it.

const TOGGLES = new Set(['Lang1', 'HangulMode']);
const HANGUL_KEYSYM = 0xff31;
const SHIFTS = ['ShiftLeft', 'ShiftRight'];

export class Ime {
  private readonly down = new Set<string>();
  private readonly followers: ((hangul: boolean) => void)[] = [];
  private isAltAlone = false;

  constructor(private mode = false) {}

  get hangul(): boolean {
    return this.mode;
  }

  follow(tell: (hangul: boolean) => void): void {
    this.followers.push(tell);
    tell(this.mode);
  }

  /** The belief was wrong: no key goes out. */
  correct(): void {
    this.mode = !this.mode;
    for (const tell of this.followers) tell(this.mode);
  }

  /** A key that went out. One that is held repeats itself, and counts once. */
  sent(keysym: number, code: string | null, isDown: boolean): void {
    const key = code ?? String(keysym);
    const isAlt = key === 'AltRight';
    if (!isDown) {
      this.down.delete(key);
      if (isAlt && this.isAltAlone) this.correct();
      this.isAltAlone = false;
      return;
    }
    if (this.down.has(key)) return;
    const held = [...this.down];
    this.down.add(key);
    this.isAltAlone = isAlt && held.length === 0;
    const isShiftSpace = key === 'Space' && held.length === 1 && SHIFTS.includes(held[0] ?? '');
    // A right Alt key that is labelled 한/영 still goes out as a right Alt key.
    if (TOGGLES.has(key) || (keysym === HANGUL_KEYSYM && !isAlt) || isShiftSpace) this.correct();
  }

  /** The link is gone: the display server lets go of all keys. */
  release(): void {
    this.down.clear();
    this.isAltAlone = false;
  }
}
