// @vitest-environment jsdom
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { unreachable } from '../api/problem';
import type { Connection } from '../api/types';
import { ATTEMPTS } from './link';
import { Screen } from './screen';

const { newTicket, screens } = vi.hoisted(() => ({ newTicket: vi.fn(), screens: [] as { compressionLevel: number }[] }));
vi.mock('./rest', () => ({ newTicket }));
vi.mock('@novnc/novnc', () => ({
  default: class extends EventTarget {
    compressionLevel = -1;
    private readonly canvas = document.createElement('canvas');
    constructor(target: HTMLElement) {
      super();
      this.canvas.tabIndex = -1;
      this.canvas.width = 0;
      target.append(this.canvas);
      screens.push(this);
    }
    focus() {
      this.canvas.focus();
    }
    disconnect() {
      /* nothing to end */
    }
  },
}));

class Socket extends EventTarget {
  static last: Socket;
  static urls: string[] = [];
  static isDeaf = false;
  readyState = Socket.isDeaf ? 0 : 1;
  constructor(url: string) {
    super();
    Socket.last = this;
    Socket.urls.push(url);
  }
  send() {
    /* nobody listens */
  }
  close() {
    /* closed by the test */
  }
}

const connection = { id: 'c1', display: { url: 'ws://d', lane: 0, protocols: [], others: [] } } as unknown as Connection;
let isHidden = false;
Object.defineProperty(document, 'hidden', { get: () => isHidden });
const see = (seen: boolean) => {
  isHidden = !seen;
  document.dispatchEvent(new Event('visibilitychange'));
};
let place: HTMLElement;
let screen: Screen;
const state = vi.fn<(link: { phase: string; attempt: number }) => void>();
const lose = () => Socket.last.dispatchEvent(Object.assign(new Event('close'), { code: 1006 }));
const connect = () => (screens.at(-1) as unknown as EventTarget).dispatchEvent(new Event('connect'));
const attempt = () => state.mock.lastCall?.[0].attempt;

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllMocks();
  vi.stubGlobal('WebSocket', Object.assign(Socket, { CONNECTING: 0, OPEN: 1 }));
  vi.stubGlobal('matchMedia', () => ({ matches: false }));
  isHidden = false;
  newTicket.mockRejectedValue(unreachable(''));
  document.body.innerHTML = '<main></main><textarea></textarea>';
  place = document.querySelector('main') as HTMLElement;
  screen = new Screen(place, connection, { state });
  screen.start();
  connect();
});

async function tenInVain(): Promise<void> {
  lose();
  while ((attempt() ?? 0) <= ATTEMPTS) await vi.advanceTimersByTimeAsync(1_000);
}

describe('a link that stays away', () => {
  it('is tried every ten seconds after the ten, until it is there', async () => {
    await tenInVain();
    newTicket.mockClear();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(newTicket.mock.calls.length).toBeGreaterThanOrEqual(5);
    newTicket.mockResolvedValue({ display: connection.display });
    await vi.advanceTimersByTimeAsync(12_000);
    connect();
    expect(state.mock.lastCall?.[0].phase).toBe('connected');
    screen.leave();
  });

  it('rests while nobody looks, and goes on at once when seen', async () => {
    await tenInVain();
    see(false);
    newTicket.mockClear();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(newTicket).not.toHaveBeenCalled();
    see(true);
    expect(newTicket).toHaveBeenCalledOnce();
    screen.leave();
  });

  it('is tried at once when the network is back, or by hand', async () => {
    await tenInVain();
    newTicket.mockClear();
    window.dispatchEvent(new Event('online'));
    expect(newTicket).toHaveBeenCalledOnce();
    await vi.advanceTimersByTimeAsync(0);
    screen.retryNow();
    screen.retryNow();
    expect(newTicket).toHaveBeenCalledTimes(2);
    screen.leave();
  });
});

describe('two lanes', () => {
  const twoLanes = { ...connection, display: { ...connection.display, others: [{ lane: 1, url: 'ws://e' }] } };
  function begin(): void {
    screen.leave();
    Socket.urls = [];
    newTicket.mockResolvedValue({ display: twoLanes.display });
    screen = new Screen(place, twoLanes, { state });
    screen.start();
  }

  it('a lost link goes on at the other lane, and stays there', async () => {
    begin();
    connect();
    lose();
    await vi.advanceTimersByTimeAsync(1_000);
    connect();
    expect(Socket.urls).toEqual(['ws://d', 'ws://e']);
    Socket.last.dispatchEvent(Object.assign(new Event('close'), { code: 1001 }));
    await vi.advanceTimersByTimeAsync(2_000);
    expect(Socket.urls.at(-1)).toBe('ws://e');
    screen.leave();
  });

  it('a lane that swallows everything is left after silence, one that never opens sooner than its desktop would', async () => {
    begin();
    connect();
    await vi.advanceTimersByTimeAsync(12_000);
    expect(Socket.urls.slice(0, 2)).toEqual(['ws://d', 'ws://e']);
    Socket.isDeaf = true;
    begin();
    await vi.advanceTimersByTimeAsync(6_000);
    Socket.isDeaf = false;
    expect(Socket.urls.slice(0, 2)).toEqual(['ws://d', 'ws://e']);
    screen.leave();
  });
});

describe('the focus', () => {
  async function back(): Promise<void> {
    newTicket.mockResolvedValue({ display: connection.display });
    lose();
    await vi.advanceTimersByTimeAsync(1_000);
    connect();
    screen.leave();
  }

  it('goes to the screen when nobody is at work elsewhere', async () => {
    await back();
    expect(document.activeElement?.tagName).toBe('CANVAS');
  });

  it('stays in the text box when a link comes back', async () => {
    document.querySelector('textarea')?.focus();
    await back();
    expect(document.activeElement?.tagName).toBe('TEXTAREA');
  });
});

it('a slow network has the picture compressed harder', () => {
  const usual = screens.at(-1)?.compressionLevel ?? 0;
  screen.setSlowNetwork(true);
  expect(screens.at(-1)?.compressionLevel).toBeGreaterThan(usual);
  screen.leave();
});
