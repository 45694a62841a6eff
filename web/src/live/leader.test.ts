import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { electLeader, type LeaderPort } from './leader';

class FakeStorage {
  private values = new Map<string, string>();
  getItem = (key: string) => this.values.get(key) ?? null;
  setItem = (key: string, value: string) => void this.values.set(key, value);
  removeItem = (key: string) => void this.values.delete(key);
}

const port = (id: string, storage: FakeStorage): LeaderPort => ({ locks: undefined, storage, now: () => Date.now(), id });

describe('the leader without Web Locks', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is one tab, and another one after it resigned', () => {
    const storage = new FakeStorage();
    const leading: string[] = [];
    const lead = (id: string) => () => {
      leading.push(id);
      return () => void leading.splice(leading.indexOf(id), 1);
    };
    const resignFirst = electLeader('feed', lead('a'), port('a', storage));
    electLeader('feed', lead('b'), port('b', storage));
    vi.advanceTimersByTime(10_000);
    expect(leading).toEqual(['a']);
    resignFirst();
    vi.advanceTimersByTime(10_000);
    expect(leading).toEqual(['b']);
  });

  it('is another tab when the first one died without a word', () => {
    const storage = new FakeStorage();
    storage.setItem('feed', JSON.stringify({ id: 'dead', until: Date.now() + 6000 }));
    const lead = vi.fn(() => () => undefined);
    electLeader('feed', lead, port('b', storage));
    vi.advanceTimersByTime(4_000);
    expect(lead).not.toHaveBeenCalled();
    vi.advanceTimersByTime(8_000);
    expect(lead).toHaveBeenCalledTimes(1);
  });
});

describe('the leader with Web Locks', () => {
  it('leads while it holds the lock and stops when it resigns', async () => {
    const stop = vi.fn();
    let held: Promise<unknown> = Promise.resolve();
    const locks = {
      request: (_: string, __: unknown, hold: () => Promise<void>) => (held = hold()),
    } as unknown as LockManager;
    const resign = electLeader('feed', () => stop, { ...port('a', new FakeStorage()), locks });
    expect(stop).not.toHaveBeenCalled();
    resign();
    await held;
    expect(stop).toHaveBeenCalledTimes(1);
  });
});
