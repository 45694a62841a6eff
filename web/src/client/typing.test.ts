import { describe, expect, it } from 'vitest';
import { keysymOf, needsUnicode, sendChord, sendStrokes, strokesOf } from './typing';

function typed(text: string): string[] {
  const sent: string[] = [];
  sendStrokes(strokesOf(text), (keysym, code, down) => sent.push(`${keysym.toString(16)}/${code ?? '-'}${down === undefined ? '' : down ? '↓' : '↑'}`));
  return sent;
}

describe('text typed into a desktop', () => {
  it('uses physical keys for Latin letters, with shift where needed', () => {
    expect(typed('aB')).toEqual(['61/KeyA', 'ffe1/ShiftLeft↓', '42/KeyB', 'ffe1/ShiftLeft↑']);
    expect(typed('1!')).toEqual(['31/Digit1', 'ffe1/ShiftLeft↓', '21/Digit1', 'ffe1/ShiftLeft↑']);
  });

  it('sends Hangul syllables as Unicode keysyms, composed', () => {
    expect(typed('한')).toEqual(['100d55c/-']);
    expect(strokesOf('\u1112\u1161\u11ab')).toEqual(strokesOf('한'));
    expect(keysymOf(0xe9)).toBe(0xe9);
  });

  it('knows line ends and tabs, and drops other control characters', () => {
    expect(typed('a\r\n\tb\u0007')).toEqual(['61/KeyA', 'ff0d/Enter', 'ff09/Tab', '62/KeyB']);
  });

  it('warns of text that not every desktop can take', () => {
    expect(needsUnicode('hello, World! ~')).toBe(false);
    expect(needsUnicode('안녕')).toBe(true);
  });

  it('presses chords in order and lets go in reverse', () => {
    const sent: string[] = [];
    sendChord('altTab', (_, code, down) => sent.push(`${code ?? ''}${down ? '↓' : '↑'}`));
    expect(sent).toEqual(['AltLeft↓', 'Tab↓', 'Tab↑', 'AltLeft↑']);
    const hangul: unknown[] = [];
    sendChord('hangul', (keysym, code, down) => hangul.push([keysym, code, down]));
    expect(hangul).toEqual([
      [0xff31, 'Lang1', true],
      [0xff31, 'Lang1', false],
    ]);
  });
});
