// @vitest-environment jsdom
import { fireEvent, screen } from '@testing-library/react';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { LanesPage } from '../portal/LanesPage';
import { SessionGate } from '../shell/SessionGate';
import { listOf, ME, serve, show } from '../testing/page';
import { testAll, testLane } from './laneTest';

/** A lane per host name: `good` opens and closes with 1000, `wrong` is another kind of server, `bad` does not open, `deaf` says nothing. */
class Socket extends EventTarget {
  static open = 0;
  static most = 0;
  static asked: string[][] = [];
  constructor(url: string, protocols: string[]) {
    super();
    if (!/^wss?:/.test(url)) throw new SyntaxError(url);
    Socket.asked.push([url, ...protocols]);
    Socket.most = Math.max(Socket.most, ++Socket.open);
    const says = (type: string, code = 0) => this.dispatchEvent(Object.assign(new Event(type), { code }));
    const host = new URL(url).hostname;
    if (host.startsWith('deaf')) return;
    window.setTimeout(() => {
      if (!host.startsWith('bad')) says('open');
      says('close', host.startsWith('good') ? 1000 : 1006);
    }, 5);
  }
  close() {
    Socket.open--;
  }
}

beforeEach(() => {
  vi.stubGlobal('WebSocket', Socket);
  Object.assign(Socket, { open: 0, most: 0, asked: [] });
});

describe('a lane', () => {
  it('is reached when it opens and ends as a lane does', async () => {
    expect(await testLane('wss://good/display')).toMatchObject({ ok: true });
    expect(Socket.asked).toEqual([['wss://good/display', 'bic.lane-test.v1']]);
    for (const url of ['wss://bad/display', 'wss://wrong/display', 'nonsense']) expect(await testLane(url)).toEqual({ ok: false, why: 'refused' });
  });

  it('that says nothing is given up', async () => {
    vi.useFakeTimers();
    const result = testLane('wss://deaf/display');
    await vi.advanceTimersByTimeAsync(8_000);
    expect(await result).toEqual({ ok: false, why: 'silent' });
    vi.useRealTimers();
  });

  it('is one of at most four that are asked at a time', async () => {
    const urls = Array.from({ length: 20 }, (_, i) => `wss://good${i}/display`);
    const seen: string[] = [];
    await testAll(urls, (url) => seen.push(url), new AbortController().signal);
    expect(seen.sort()).toEqual([...urls].sort());
    expect(Socket.most).toBe(4);
  });
});

it('the page says what was reached, what to do about the rest, and tests again', async () => {
  localStorage.setItem('bic.signed-in', '1');
  const lanes = [
    { no: 0, url: 'wss://good/display', up: true },
    { no: 1, url: 'wss://bad/display', up: false },
  ];
  serve({ 'GET /me': [200, { ...ME, events: true }], 'GET /me/lanes': listOf({ id: 'b1', name: 'a-1', lanes }) });
  show(<SessionGate>{() => <LanesPage />}</SessionGate>);
  await screen.findByText('1 of 2 lanes reached');
  expect(screen.getByText('Down')).toBeTruthy();
  expect(screen.getByRole('link').getAttribute('href')).toBe('/api/v1/ca.crt');
  fireEvent.click(screen.getByRole('button', { name: 'Test again' }));
  await screen.findByText('1 of 2 lanes reached');
  expect(Socket.asked).toHaveLength(4);
});

it('who has none is told so', async () => {
  localStorage.setItem('bic.signed-in', '1');
  serve({ 'GET /me': [200, ME], 'GET /me/lanes': listOf() });
  show(<SessionGate>{() => <LanesPage />}</SessionGate>);
  await screen.findByText('No lanes for you');
});
