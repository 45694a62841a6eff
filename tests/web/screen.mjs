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

/** Does something until the picture differs from what it was. */
export async function waitForChange(page, before, act, timeout = 120_000) {
  const end = Date.now() + timeout;
  for (;;) {
    await act();
    for (let i = 0; i < 8; i += 1) {
      await page.waitForTimeout(250);
      const now = await picture(page);
      if (now.sum !== before.sum) return now;
    }
    if (Date.now() > end) throw new Error('the picture did not change');
  }
}
