// A desktop with a dubeolsik input method, for the tests: takes key events, says what text they make. It
// shares no table with hangul.ts, and composes through Unicode's own normalisation.
import { Ime } from './ime';
import type { Keyboard } from './typist';

/** Where real input methods differ. */
export interface Habits {
  /** A second press of ㄱ, ㄷ, ㅂ, ㅅ, ㅈ makes the double letter. */
  doubles: boolean;
  /** A consonant typed after a vowel alone goes before it. */
  reorders: boolean;
}

const LAYOUT = new Map(
  ['qㅂ wㅈ eㄷ rㄱ tㅅ yㅛ uㅕ iㅑ oㅐ pㅔ aㅁ sㄴ dㅇ fㄹ gㅎ hㅗ jㅓ kㅏ lㅣ zㅋ xㅌ cㅊ vㅍ bㅠ nㅜ mㅡ', 'Qㅃ Wㅉ Eㄸ Rㄲ Tㅆ Oㅒ Pㅖ']
    .flatMap((row) => row.split(' '))
    .map((pair) => [pair.charAt(0), pair.charAt(1)]),
);
const CLUSTERS = table('ㄱㅅㄳ ㄴㅈㄵ ㄴㅎㄶ ㄹㄱㄺ ㄹㅁㄻ ㄹㅂㄼ ㄹㅅㄽ ㄹㅌㄾ ㄹㅍㄿ ㄹㅎㅀ ㅂㅅㅄ');
const VOWELS = table('ㅗㅏㅘ ㅗㅐㅙ ㅗㅣㅚ ㅜㅓㅝ ㅜㅔㅞ ㅜㅣㅟ ㅡㅣㅢ');
const DOUBLES = table('ㄱㄱㄲ ㄷㄷㄸ ㅂㅂㅃ ㅅㅅㅆ ㅈㅈㅉ');
const INITIALS = 'ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ';
const FINALS = 'ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ';

function table(triples: string): Map<string, string> {
  return new Map(triples.split(' ').map((triple) => [triple.slice(0, 2), triple.slice(2)]));
}

const isVowel = (letter: string) => letter >= 'ㅏ' && letter <= 'ㅣ';

export class FakeGuest implements Keyboard {
  readonly ime: Ime;
  isConnected = true;
  /** What came, in words: Shift+KeyR, Lang1. */
  readonly keys: string[] = [];
  private written = '';
  private hangul: boolean;
  private shift = false;
  private initial = '';
  private vowel = '';
  /** By strokes, since the last goes over to a vowel. */
  private final: string[] = [];

  constructor(
    private readonly habits: Habits = { doubles: false, reorders: false },
    mode: { hangul?: boolean; believed?: boolean } = {},
  ) {
    this.hangul = mode.hangul ?? false;
    this.ime = new Ime(mode.believed ?? this.hangul);
  }

  /** What the program was given; a syllable that still composes is in brackets. */
  get text(): string {
    const open = this.composed();
    return open ? `${this.written}[${open}]` : this.written;
  }

  readonly sendKey = (keysym: number, code: string | null, down?: boolean): void => {
    for (const isDown of down === undefined ? [true, false] : [down]) {
      this.ime.sent(keysym, code, isDown);
      if (code === 'ShiftLeft') this.shift = isDown;
      else if (isDown) this.pressed(keysym, code ?? '');
    }
  };

  private pressed(keysym: number, code: string): void {
    this.keys.push(`${this.shift ? 'Shift+' : ''}${code}`);
    const letter = this.hangul ? LAYOUT.get(String.fromCharCode(keysym)) : undefined;
    if (letter) {
      this.compose(letter);
      return;
    }
    this.commit();
    if (code === 'Lang1') this.hangul = !this.hangul;
    else this.written += code === 'Enter' ? '\n' : code === 'Tab' ? '\t' : String.fromCharCode(keysym);
  }

  private compose(letter: string): void {
    if (isVowel(letter)) this.composeVowel(letter);
    else this.composeConsonant(letter);
  }

  private composeVowel(letter: string): void {
    const joined = VOWELS.get(this.vowel + letter);
    if (this.final.length > 0) {
      const moved = this.final.pop() ?? '';
      this.commit();
      this.initial = moved;
      this.vowel = letter;
    } else if (this.vowel && joined) this.vowel = joined;
    else if (this.vowel) {
      this.commit();
      this.vowel = letter;
    } else {
      const parts = [...CLUSTERS].find(([, cluster]) => cluster === this.initial)?.[0];
      if (parts) {
        this.initial = parts.charAt(0);
        this.commit();
        this.initial = parts.charAt(1);
      }
      this.vowel = letter;
    }
  }

  private composeConsonant(letter: string): void {
    const join = (pair: string) => CLUSTERS.get(pair) ?? (this.habits.doubles ? DOUBLES.get(pair) : undefined);
    if (this.initial && this.vowel) {
      const final = [...this.final, letter];
      const whole = final.length === 1 ? letter : final.length === 2 ? join(final.join('')) : undefined;
      if (whole && FINALS.includes(whole)) this.final = final;
      else this.begin(letter);
    } else if (this.vowel && this.habits.reorders) this.initial = letter;
    else if (this.vowel) this.begin(letter);
    else {
      const joined = join(this.initial + letter);
      if (joined) this.initial = joined;
      else this.begin(letter);
    }
  }

  private begin(letter: string): void {
    this.commit();
    this.initial = letter;
  }

  private commit(): void {
    this.written += this.composed();
    this.initial = '';
    this.vowel = '';
    this.final = [];
  }

  private composed(): string {
    if (!this.initial || !this.vowel) return this.initial || this.vowel;
    const pair = this.final.join('');
    const final = this.final.length < 2 ? pair : (CLUSTERS.get(pair) ?? DOUBLES.get(pair) ?? '');
    const jamo = [0x1100 + INITIALS.indexOf(this.initial), 0x1161 + this.vowel.charCodeAt(0) - 'ㅏ'.charCodeAt(0)];
    if (final) jamo.push(0x11a8 + FINALS.indexOf(final));
    return String.fromCharCode(...jamo).normalize('NFC');
  }
}
