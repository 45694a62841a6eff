import { describe, expect, it } from 'vitest';
import { FakeGuest } from './guest.fake';
import { planOf, sendChord } from './typing';
import { Typist } from './typist';

const atOnce = () => Promise.resolve();

async function keysOf(text: string, hangul = false): Promise<string> {
  const guest = new FakeGuest(undefined, { hangul });
  await new Typist(guest, atOnce).type(planOf(text));
  expect(guest.ime.hangul).toBe(hangul);
  return guest.keys.join(' ').replaceAll('Key', '').replaceAll('Lang1', '한/영');
}

describe('text typed into a desktop', () => {
  it('uses the physical keys, with shift where needed', async () => {
    const sent: string[] = [];
    const keyboard = {
      sendKey: (keysym: number, code: string | null, down?: boolean) => sent.push(`${keysym.toString(16)}/${code ?? ''}${down === undefined ? '' : down ? '↓' : '↑'}`),
      isConnected: true,
      ime: { hangul: false },
    };
    await new Typist(keyboard, atOnce).type(planOf('aB1!'));
    expect(sent).toEqual(['61/KeyA', 'ffe1/ShiftLeft↓', '42/KeyB', 'ffe1/ShiftLeft↑', '31/Digit1', 'ffe1/ShiftLeft↓', '21/Digit1', 'ffe1/ShiftLeft↑']);
    expect(await keysOf('a\r\n\tb')).toBe('A Enter Tab B');
  });

  it('changes to Hangul and back only where letters need it', async () => {
    expect(await keysOf('한글 Test 값')).toBe('한/영 G K S R M F Space 한/영 Shift+T E S T Space 한/영 R K Q T 한/영');
    expect(await keysOf('1 2')).toBe('Digit1 Space Digit2');
    expect(await keysOf('네, 3.')).toBe('한/영 S P Comma Space Digit3 Period 한/영');
    expect(await keysOf('\u1112\u1161\u11ab')).toBe(await keysOf('한'));
  });

  it('commits the last syllable, and goes back to the mode that was', async () => {
    expect(await keysOf('가', true)).toBe('R K 한/영 한/영');
    expect(await keysOf('가.', true)).toBe('R K Period');
    expect(await keysOf('a가', true)).toBe('한/영 A 한/영 R K 한/영 한/영');
    expect(await keysOf('가\n')).toBe('한/영 R K 한/영 Enter');
  });

  it('commits between letters that would run together, and only there', async () => {
    expect(await keysOf('각아')).toBe('한/영 R K R D K 한/영');
    expect(await keysOf('각ㅏ')).toBe('한/영 R K R 한/영 한/영 K 한/영');
    expect(await keysOf('ㄱㄱ')).toBe('한/영 R 한/영 한/영 R 한/영');
    expect(await keysOf('ㅋㅋㅠㅠ응ㅋ')).toBe('한/영 Z Z 한/영 한/영 B B 한/영 한/영 D M D Z 한/영');
  });

  it('tells what no key types, as a person counts it', () => {
    const { steps, leftOut, text } = planOf('é 漢字漢 👩‍👩‍👧 1️⃣ \u200b한');
    expect([...leftOut]).toEqual([
      ['é', 1],
      ['漢', 2],
      ['字', 1],
      ['👩‍👩‍👧', 1],
      ['1️⃣', 1],
      ['\u200b', 1],
    ]);
    expect(steps.map((step) => text.slice(step.end - 1, step.end)).join('')).toBe('    한한');
    expect(planOf('한글 Test 값 ~`\\|\n').leftOut.size).toBe(0);
  });

  it('comes out in the other mode when the belief was wrong, and right once it is corrected', async () => {
    const guest = new FakeGuest(undefined, { hangul: true, believed: false });
    const typist = new Typist(guest, atOnce);
    await typist.type(planOf('한글 rk'));
    expect(guest.text).toBe('gksrmf [가]');
    guest.ime.correct();
    await typist.type(planOf('. 한글 rk'));
    expect(guest.text).toBe('gksrmf 가. 한글 rk');
  });

  it('stops between characters with the mode put back', async () => {
    const guest = new FakeGuest(undefined, { hangul: true });
    const typist = new Typist(guest, () => {
      if (guest.keys.length === 4) typist.stop();
      return Promise.resolve();
    });
    expect(await typist.type(planOf('한글날'))).toBe(2);
    expect([guest.text, guest.ime.hangul]).toEqual(['한글', true]);
  });

  it('keeps what the link did not take', async () => {
    const guest = new FakeGuest();
    const typist = new Typist(guest, () => {
      guest.isConnected = guest.keys.length < 6;
      return Promise.resolve();
    });
    expect(await typist.type(planOf('한글날'))).toBe(1);
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
