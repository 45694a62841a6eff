// @vitest-environment jsdom
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { startFeed } from './feed';

class FakeSource extends EventTarget {
  static readonly CLOSED = 2;
  static all: FakeSource[] = [];
  readyState = 0;
  constructor() {
    super();
    FakeSource.all.push(this);
  }
  close = () => {
    this.readyState = 2;
  };
}
const open = (source: FakeSource | undefined) => source?.dispatchEvent(new Event('open'));

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('EventSource', FakeSource);
  FakeSource.all = [];
  localStorage.clear();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('everything is read again whenever a stream opens: nobody told what changed before', () => {
  const listener = { changed: vi.fn(), reread: vi.fn(), status: vi.fn() };
  const stop = startFeed(listener);
  vi.advanceTimersByTime(10_000);
  expect(FakeSource.all).toHaveLength(1);
  expect(listener.reread).not.toHaveBeenCalled();
  open(FakeSource.all[0]);
  expect(listener.reread).toHaveBeenCalledTimes(1);
  open(FakeSource.all[0]);
  expect(listener.reread).toHaveBeenCalledTimes(2);
  stop();
});

it('also when this tab takes over from one that was closed', () => {
  localStorage.setItem('bic.feed', JSON.stringify({ id: 'closed', until: Date.now() + 6_000 }));
  const listener = { changed: vi.fn(), reread: vi.fn(), status: vi.fn() };
  const stop = startFeed(listener);
  vi.advanceTimersByTime(20_000);
  open(FakeSource.all[0]);
  expect(listener.reread).toHaveBeenCalledTimes(1);
  stop();
});
