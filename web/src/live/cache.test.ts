import { QueryClient } from '@tanstack/react-query';
import { describe, expect, it, vi } from 'vitest';
import { CacheRefresher, touches } from './cache';
import { parseChanged } from './feed';

describe('what a change touches', () => {
  it('touches lists of its kind, and the one thing', () => {
    const event = { kind: 'desktop', ids: ['d1'] };
    expect(touches(['desktop', 'list', '{}'], event)).toBe(true);
    expect(touches(['desktop', 'mine'], event)).toBe(true);
    expect(touches(['desktop', 'one', 'd1'], event)).toBe(true);
    expect(touches(['desktop', 'one', 'd2'], event)).toBe(false);
    expect(touches(['user', 'list', '{}'], event)).toBe(false);
  });

  it('touches lists that show its numbers', () => {
    expect(touches(['pool', 'list', '{}'], { kind: 'desktop', ids: [] })).toBe(true);
    expect(touches(['pool', 'one', 'p1'], { kind: 'desktop', ids: [] })).toBe(false);
  });

  it('touches her pools when a group has other members', () => {
    expect(touches(['pool', 'mine'], { kind: 'group', ids: ['g1'] })).toBe(true);
  });

  it('touches all of its kind when no id is named', () => {
    expect(touches(['desktop', 'one', 'd2'], { kind: 'desktop', ids: [] })).toBe(true);
  });

  it('reads a list once for many changes', () => {
    vi.useFakeTimers();
    const client = new QueryClient();
    const invalidate = vi.spyOn(client, 'invalidateQueries').mockResolvedValue();
    const refresher = new CacheRefresher(client);
    for (let i = 0; i < 100; i += 1) refresher.changed({ kind: 'desktop', ids: [`d${i}`] });
    vi.advanceTimersByTime(1000);
    expect(invalidate).toHaveBeenCalledTimes(1);
    vi.useRealTimers();
  });
});

describe('an event from the stream', () => {
  it('is read with and without ids, and nonsense is no event', () => {
    expect(parseChanged('{"kind":"desktop","ids":["a"]}')).toEqual({ kind: 'desktop', ids: ['a'] });
    expect(parseChanged('{"kind":"pool"}')).toEqual({ kind: 'pool', ids: [] });
    expect(parseChanged('nonsense')).toBeNull();
    expect(parseChanged('{}')).toBeNull();
  });
});
