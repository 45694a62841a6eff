import { describe, expect, it } from 'vitest';
import { filterOf, mark, type Marked, MOST, reasonsOf, sameFilter, whyNotAll } from './desktopSelection';

describe('marked desktops', () => {
  it('are at most as many as one order may name', () => {
    let marked: Marked = new Map();
    for (let n = 0; n < MOST + 5; n += 1) marked = mark(marked, { id: String(n), name: `d${n}` }, true);
    expect(marked.size).toBe(MOST);
    expect(mark(marked, { id: '7', name: 'd7' }, false).has('7')).toBe(false);
  });

  it('all that match are taken only where a filter says which', () => {
    expect(filterOf({ sort: '-name' })).toBeNull();
    expect(filterOf({ state: 'off', q: '', sort: 'name' })).toEqual({ state: 'off' });
    expect(whyNotAll(null, 3)).toBe('noFilter');
    expect(whyNotAll({ q: 'a' }, null)).toBe('tooMany');
    expect(whyNotAll({ q: 'a' }, MOST + 1)).toBe('tooMany');
    expect(whyNotAll({ q: 'a' }, 0)).toBe('none');
    expect(whyNotAll({ q: 'a' }, MOST)).toBeNull();
  });

  it('a kept filter is known again by what it filters', () => {
    expect(sameFilter({ state: 'off', q: 'x' }, { q: 'x', state: 'off' })).toBe(true);
    expect(sameFilter({ state: 'off' }, { state: 'off', q: 'x' })).toBe(false);
    expect(sameFilter(null, {})).toBe(false);
  });

  it('refusals are counted by their reason', () => {
    const refused = (name: string, slug: string) => ({ name, outcome: 'refused', slug });
    expect(reasonsOf([{ name: 'a', outcome: 'will', slug: null }, refused('b', 'forbidden'), refused('c', 'desktop-state'), refused('d', 'desktop-state')])).toEqual([
      { slug: 'desktop-state', names: ['c', 'd'] },
      { slug: 'forbidden', names: ['b'] },
    ]);
  });
});
