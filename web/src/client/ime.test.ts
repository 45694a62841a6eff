import { describe, expect, it } from 'vitest';
import { Ime } from './ime';

const KEYSYMS: Record<string, number> = { Lang1: 0xff31, Space: 0x20, ShiftLeft: 0xffe1, AltRight: 0xffea, ControlLeft: 0xffe3, KeyR: 0x72 };

/** `+Lang1` is pressed, `-Lang1` let go. */
function after(keys: string): boolean {
  const ime = new Ime();
  for (const key of keys.split(' ')) ime.sent(KEYSYMS[key.slice(1)] ?? 0, key.slice(1), key.startsWith('+'));
  return ime.hangul;
}

describe('the mode the desktop is taken to be in', () => {
  it('follows 한/영, which counts once while it is held', () => {
    expect(after('+Lang1 -Lang1')).toBe(true);
    expect(after('+Lang1 +Lang1 +Lang1 -Lang1')).toBe(true);
    expect(after('+Lang1 -Lang1 +Lang1 -Lang1')).toBe(false);
    expect(after('+KeyR -KeyR')).toBe(false);
  });

  it('follows the other keys that change it in the guest images', () => {
    expect(after('+ShiftLeft +Space -Space -ShiftLeft')).toBe(true);
    expect(after('+Space -Space')).toBe(false);
    expect(after('+ControlLeft +ShiftLeft +Space -Space')).toBe(false);
    expect(after('+AltRight')).toBe(false);
    expect(after('+AltRight -AltRight')).toBe(true);
    expect(after('+AltRight +KeyR -KeyR -AltRight')).toBe(false);
  });

  it('tells its followers, and can be corrected', () => {
    const told: boolean[] = [];
    const ime = new Ime(true);
    ime.follow((hangul) => told.push(hangul));
    ime.correct();
    ime.sent(0xff31, null, true);
    expect(told).toEqual([true, false, true]);
  });

  it('counts a key again after the link broke under it', () => {
    const ime = new Ime();
    ime.sent(0xff31, 'Lang1', true);
    ime.release();
    ime.sent(0xff31, 'Lang1', true);
    expect(ime.hangul).toBe(false);
  });
});
