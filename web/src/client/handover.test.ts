// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../api/types';
import { remembered, startPage, takeHandover } from './handover';

const connection = { id: 'c1', desktop_id: 'd1' } as Connection;
beforeEach(() => {
  sessionStorage.setItem('bic.handover', JSON.stringify({ connection, pool_id: 'p1', name: 'Office' }));
  window.history.replaceState(null, '');
});

describe('the handover', () => {
  it('is read once, and leaves what a reload needs', () => {
    expect(takeHandover()?.connection).toEqual(connection);
    expect(remembered()).toEqual({ desktop_id: 'd1', pool_id: 'p1', name: 'Office' });
    expect(takeHandover()).toBeNull();
    expect(JSON.stringify(window.history.state)).not.toContain('c1');
  });

  it('leads back by the pool, since a floating desktop that went off is no longer hers', () => {
    takeHandover();
    expect(startPage(remembered())).toBe('/start/p1');
    expect(startPage(null)).toBe('/');
  });
});
