// Reads the desktop's picture from the client's canvas.

/** A coarse fingerprint of what is drawn, and how much of it is not black. */
export function picture(page) {
  return page.evaluate(() => {
    const canvas = document.querySelector('.screen canvas');
    if (!canvas || canvas.width < 2) return { drawn: 0, sum: 0, width: 0, height: 0 };
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let drawn = 0;
    let sum = 0;
    for (let i = 0; i < data.length; i += 4) {
      const value = data[i] + 2 * data[i + 1] + 3 * data[i + 2];
      if (value > 60) drawn += 1;
      sum = (sum * 31 + value) % 2_147_483_647;
    }
    return { drawn, sum, width: canvas.width, height: canvas.height };
  });
}

export async function waitForDrawing(page, timeout = 240_000) {
  const end = Date.now() + timeout;
  for (;;) {
    const now = await picture(page);
    if (now.drawn > 100) return now;
    if (Date.now() > end) throw new Error('no pixel was drawn on the canvas');
    await page.waitForTimeout(500);
  }
}

/** The picture once it stands still: the same for two seconds (a clock of minutes may move in between). */
export async function waitForStillness(page, timeout = 240_000) {
  const end = Date.now() + timeout;
  let last = await picture(page);
  for (let same = 0; same < 4; ) {
    await page.waitForTimeout(500);
    const now = await picture(page);
    same = now.sum === last.sum ? same + 1 : 0;
    last = now;
    if (Date.now() > end) throw new Error('the picture never stood still');
  }
  return last;
}

/** How much of the picture has exactly this colour, 0 to 1: nothing on the way is lossy. */
export function share(page, colour) {
  return page.evaluate((wanted) => {
    const canvas = document.querySelector('.screen canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let found = 0;
    for (let i = 0; i < data.length; i += 4) if (wanted.every((value, c) => data[i + c] === value)) found += 1;
    return found / (data.length / 4);
  }, colour);
}

export async function waitForShare(page, colour, least, timeout = 240_000) {
  const end = Date.now() + timeout;
  for (;;) {
    const now = await share(page, colour);
    if (now >= least) return now;
    if (Date.now() > end) throw new Error(`${colour} covers ${now} of the picture, ${least} was waited for`);
    await page.waitForTimeout(500);
  }
}

/** Clicks with the real mouse at a point of the guest's own screen; negative counts from the right or the bottom. */
export async function clickInGuest(page, x, y) {
  const at = await page.evaluate(([gx, gy]) => {
    const canvas = document.querySelector('.screen canvas');
    const box = canvas.getBoundingClientRect();
    return {
      x: box.left + ((gx < 0 ? canvas.width + gx : gx) * box.width) / canvas.width,
      y: box.top + ((gy < 0 ? canvas.height + gy : gy) * box.height) / canvas.height,
    };
  }, [x, y]);
  await page.mouse.move(at.x, at.y);
  await page.waitForTimeout(300);
  await page.mouse.click(at.x, at.y, { delay: 120 });
}

const SHIFTED = { '!': '1', '@': '2', '#': '3', $: '4', '%': '5', '&': '7', '(': '9', ')': '0', '"': "'", '{': '[', '}': ']' };

/** Types as fingers do: with Shift held where a key needs it. */
export async function typeKeys(page, text) {
  for (const char of text) {
    const key = SHIFTED[char] ?? char.toLowerCase();
    if (char === '\n') await page.keyboard.press('Enter');
    else if (key === char) await page.keyboard.press(key === ' ' ? 'Space' : key);
    else {
      await page.keyboard.down('Shift');
      await page.keyboard.press(char);
      await page.keyboard.up('Shift');
    }
    await page.waitForTimeout(40);
  }
}
