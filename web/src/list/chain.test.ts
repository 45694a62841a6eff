import { describe, expect, it } from 'vitest';
import { type Chain, learn, PAGE_SIZE, pagesOf, rowsOf, spanOf, START } from './chain';

/** A pretended list of n rows, read page by page as a window goes down. */
function readTo(total: number, page: number): Chain {
  let chain = START;
  for (let n = 0; n <= page && n * PAGE_SIZE < total; n += 1) {
    const rest = total - n * PAGE_SIZE;
    chain = learn(chain, n, rest > PAGE_SIZE ? `c${n + 1}` : null, Math.min(rest, PAGE_SIZE));
  }
  return chain;
}

describe('pages by cursor', () => {
  it('are found one after the other, to the last row', () => {
    expect(rowsOf(START)).toBe(100);
    expect(rowsOf(readTo(100_000, 0))).toBe(200);
    expect(rowsOf(readTo(100_000, 500))).toBe(50_200);
    const whole = readTo(100_050, 2000);
    expect(rowsOf(whole)).toBe(100_050);
    expect(whole.tail).toBe(50);
    expect(rowsOf(readTo(0, 0))).toBe(100); // not read yet
    expect(rowsOf(learn(START, 0, null, 0))).toBe(0);
  });

  it('that are read again alike change nothing', () => {
    const chain = readTo(350, 3);
    for (let page = 0; page < 4; page += 1) expect(learn(chain, page, page < 3 ? `c${page + 1}` : null, page < 3 ? 100 : 50)).toBe(chain);
  });

  it('are found anew behind one that ends elsewhere', () => {
    const chain = learn(readTo(1000, 9), 4, 'other', 100);
    expect(chain.cursors).toHaveLength(6);
    expect(chain.cursors[5]).toBe('other');
    expect(learn(readTo(1000, 9), 4, null, 30)).toEqual({ cursors: [null, 'c1', 'c2', 'c3', 'c4'], tail: 30 });
    expect(learn(chain, 17, 'late', 100)).toBe(chain); // an answer for a page that is not known any more
  });

  it('are held only where the window is, and the first', () => {
    const chain = readTo(100_000, 900);
    expect(pagesOf(spanOf(0, 600, 40, rowsOf(chain)), chain)).toEqual([0]);
    expect(pagesOf(spanOf(50_000 * 40, 600, 40, rowsOf(chain)), chain)).toEqual([0, 499, 500]);
    expect(pagesOf(spanOf(90_090 * 40, 600, 40, rowsOf(chain)), chain)).toEqual([0, 900, 901]);
    for (let row = 0; row < 90_000; row += 977) {
      const span = spanOf(row * 40, 800, 40, rowsOf(chain));
      expect(span.end - span.first).toBeLessThan(40);
      expect(pagesOf(span, chain).length).toBeLessThanOrEqual(3);
    }
  });

  it('a window beyond the end shows the end', () => {
    expect(spanOf(1e9, 600, 40, 10)).toEqual({ first: 9, end: 10 });
    expect(spanOf(0, 600, 40, 0)).toEqual({ first: 0, end: 0 });
  });
});
