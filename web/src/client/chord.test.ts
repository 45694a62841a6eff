import { describe, expect, it } from 'vitest';
import { Chord, type Key } from './chord';

const key = (code: string, flags = '', name = code.replace(/Left|Right/, '')): Key => ({
  code,
  key: name,
  ctrlKey: flags.includes('c'),
  altKey: flags.includes('a'),
  shiftKey: flags.includes('s'),
});
/** Presses and releases: whether the tools opened, and after how many events. */
function opened(...events: [('down' | 'up'), Key][]): number {
  const chord = new Chord();
  return events.findIndex(([way, which]) => (way === 'down' ? (chord.press(which), false) : chord.release(which)));
}

describe('Ctrl+Alt+Shift', () => {
  it('opens when the last of them is let go', () => {
    expect(
      opened(
        ['down', key('ControlLeft', 'c')],
        ['down', key('AltLeft', 'ca')],
        ['down', key('ShiftLeft', 'cas')],
        ['up', key('ShiftLeft', 'ca')],
        ['up', key('AltLeft', 'c')],
        ['up', key('ControlLeft')],
      ),
    ).toBe(5);
  });

  it('knows Alt that X11 calls Meta after Shift', () => {
    expect(
      opened(
        ['down', key('ShiftLeft', 's')],
        ['down', key('AltLeft', 's', 'Meta')],
        ['down', key('ControlLeft', 'cs')],
        ['up', key('ControlLeft', 's')],
        ['up', key('AltLeft', 's', 'Meta')],
        ['up', key('ShiftLeft')],
      ),
    ).toBe(5);
  });

  it('counts a key that went down before the window heard of it', () => {
    expect(opened(['down', key('ShiftRight', 'cas')], ['up', key('ShiftRight', 'ca')])).toBe(1);
  });

  it('forgets a key whose coming up was never seen', () => {
    const chord = new Chord();
    chord.press(key('AltLeft', 'a')); // then Alt+Tab: the release went elsewhere
    chord.press(key('KeyA'));
    chord.release(key('KeyA'));
    chord.press(key('ControlLeft', 'c'));
    chord.press(key('ShiftLeft', 'cs'));
    chord.release(key('ShiftLeft', 'c'));
    expect(chord.release(key('ControlLeft'))).toBe(false);
  });

  it('is not opened by another key with it, nor by 한/영 on the right Alt key', () => {
    expect(
      opened(
        ['down', key('ControlLeft', 'c')],
        ['down', key('AltLeft', 'ca')],
        ['down', key('ShiftLeft', 'cas')],
        ['down', key('KeyX', 'cas')],
        ['up', key('KeyX', 'cas')],
        ['up', key('ShiftLeft', 'ca')],
        ['up', key('AltLeft', 'c')],
        ['up', key('ControlLeft')],
      ),
    ).toBe(-1);
    expect(
      opened(
        ['down', key('ControlLeft', 'c')],
        ['down', key('ShiftLeft', 'cs')],
        ['down', key('AltRight', 'cs', 'HangulMode')],
        ['up', key('AltRight', 'cs', 'HangulMode')],
        ['up', key('ShiftLeft', 'c')],
        ['up', key('ControlLeft')],
      ),
    ).toBe(-1);
  });
});
