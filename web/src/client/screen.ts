// Shows one desktop: owns the display socket and noVNC, keeps the link alive by link.ts's
// decisions, and freezes the last picture while it is away.
import RFB from '@novnc/novnc';
import { ApiProblem } from '../api/problem';
import type { Connection, Display, Problem } from '../api/types';
import { mayTakeFocus } from './dom';
import { Ime } from './ime';
import { type LinkState, START, laneOf, next, takesLonger } from './link';
import { newTicket } from './rest';

export type Scale = 'fit' | 'actual' | 'guest';

export interface ScreenEvents {
  state(state: LinkState, problem: Problem | null): void;
}

/** How hard QEMU compresses (zlib's level); the picture is exact either way: it has no lossy encoding. */
const COMPRESSION = { usual: 2, slowNetwork: 9 };
const OPEN_WITHIN = 15_000;
/** Where another lane can be tried, the WebSocket has to be open sooner: that costs the lane alone, not the desktop. */
const LANE_WITHIN = 4_000;
const STABLE_AFTER = 10_000;
const DRAWN_AFTER = 400;
/** Silence this long asks for a pixel; as long again without it is a dead link. Sooner where there is another lane. */
const SILENCE = { oneLane: 10_000, moreLanes: 4_000 };
/** Non-incremental request for one pixel: every server answers it. */
const ONE_PIXEL = new Uint8Array([3, 0, 0, 0, 0, 0, 0, 1, 0, 1]);
/** The session whose desktop was left in Hangul: a reload, or a new window here, goes on with it. */
const HANGUL_KEY = 'bic.client.hangul';

/** Tells of each key that goes out, pressed by the person or by a tool. */
class Wire extends RFB {
  sent: ((keysym: number, code: string | null, isDown: boolean) => void) | null = null;

  override sendKey(keysym: number, code: string | null, down?: boolean): void {
    super.sendKey(keysym, code, down);
    // noVNC makes two calls of one without a direction.
    if (down !== undefined) this.sent?.(keysym, code, down);
  }
}

export class Screen {
  readonly ime: Ime;
  private link: LinkState = START;
  private rfb: Wire | null = null;
  /** Each attempt draws into a box of its own, so that a dying one cannot disturb the next. */
  private box: HTMLElement | null = null;
  private socket: WebSocket | null = null;
  private frozen: HTMLCanvasElement | null = null;
  private timers: number[] = [];
  private retry = 0;
  /** The next attempt has not begun: by the clock, or by hand, it will. */
  private isWaiting = false;
  private heard = 0;
  private asked = 0;
  private silence = SILENCE.oneLane;
  private scale: Scale = 'fit';
  private isSlowNetwork = false;

  constructor(
    private readonly place: HTMLElement,
    private readonly connection: Connection,
    private readonly events: ScreenEvents,
  ) {
    this.ime = new Ime(localStorage.getItem(HANGUL_KEY) === connection.id);
    this.ime.follow((hangul) => {
      if (hangul) localStorage.setItem(HANGUL_KEY, connection.id);
      else localStorage.removeItem(HANGUL_KEY);
    });
    // A machine that woke up or got its network back should not wait for the back-off.
    window.addEventListener('online', this.retryNow);
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.retryNow();
    });
    window.addEventListener('offline', () => this.giveUpSocket());
  }

  start(): void {
    this.open(this.connection.display);
  }

  leave(): void {
    this.link = { ...this.link, phase: 'ended' };
    window.clearTimeout(this.retry);
    this.stopTimers();
    this.rfb?.disconnect();
  }

  focus(): void {
    this.rfb?.focus({ preventScroll: true });
  }

  get isConnected(): boolean {
    return this.link.phase === 'connected';
  }

  readonly sendKey = (keysym: number, code: string | null, down?: boolean): void => {
    this.rfb?.sendKey(keysym, code, down);
  };

  sendCtrlAltDel(): void {
    this.rfb?.sendCtrlAltDel();
  }

  setScale(scale: Scale): void {
    this.scale = scale;
    this.applyView();
  }

  setSlowNetwork(isSlow: boolean): void {
    this.isSlowNetwork = isSlow;
    this.applyView();
  }

  private applyView(): void {
    if (!this.rfb) return;
    this.rfb.resizeSession = this.scale === 'guest';
    this.rfb.scaleViewport = this.scale !== 'actual';
    this.rfb.clipViewport = this.scale === 'actual';
    this.rfb.dragViewport = this.scale === 'actual' && window.matchMedia('(pointer: coarse)').matches;
    this.rfb.compressionLevel = this.isSlowNetwork ? COMPRESSION.slowNetwork : COMPRESSION.usual;
  }

  private open(display: Display): void {
    this.stopTimers();
    let socket: WebSocket;
    try {
      socket = new WebSocket(laneOf(this.link, display), display.protocols);
    } catch {
      this.happened({ type: 'closed', code: 1006 });
      return;
    }
    this.socket = socket;
    const hasOthers = (display.others ?? []).length > 0;
    this.silence = hasOthers ? SILENCE.moreLanes : SILENCE.oneLane;
    // Before noVNC's own handlers, so the picture can still be kept when the socket closes.
    socket.addEventListener('message', () => {
      this.heard = Date.now();
      this.asked = 0;
    });
    socket.addEventListener('close', (event) => this.closed(socket, event.code));
    this.box = document.createElement('div');
    this.box.className = 'box';
    this.place.append(this.box);
    const rfb = new Wire(this.box, socket, { shared: true });
    this.rfb = rfb;
    rfb.sent = (keysym, code, isDown) => {
      if (this.isConnected) this.ime.sent(keysym, code, isDown);
    };
    rfb.background = 'transparent';
    rfb.showDotCursor = false;
    this.applyView();
    rfb.addEventListener('connect', () => this.connected(rfb));
    this.timers.push(window.setTimeout(() => this.giveUpSocket(), OPEN_WITHIN));
    if (hasOthers) {
      this.timers.push(
        window.setTimeout(() => {
          if (socket.readyState === WebSocket.CONNECTING) this.giveUpSocket();
        }, LANE_WITHIN),
      );
    }
  }

  private connected(rfb: Wire): void {
    this.stopTimers();
    this.happened({ type: 'opened' });
    // The old picture stays until the new one has had time to be drawn.
    this.timers.push(window.setTimeout(() => this.thaw(), DRAWN_AFTER));
    this.heard = Date.now();
    this.asked = 0;
    if (mayTakeFocus(this.place)) rfb.focus({ preventScroll: true });
    this.timers.push(window.setTimeout(() => this.happened({ type: 'stable' }), STABLE_AFTER));
    this.timers.push(window.setInterval(() => this.checkSilence(), 1_000));
  }

  private checkSilence(): void {
    const now = Date.now();
    if (this.asked && now - this.asked > this.silence) {
      this.giveUpSocket();
    } else if (!this.asked && now - this.heard > this.silence && this.socket?.readyState === WebSocket.OPEN) {
      this.asked = now;
      this.socket.send(ONE_PIXEL);
    }
  }

  /** Does not wait for a closing handshake that a dead link would never finish. */
  private giveUpSocket(): void {
    const { socket, rfb } = this;
    if (!socket) return;
    this.closed(socket, 1006);
    rfb?.disconnect();
    socket.close();
  }

  private closed(socket: WebSocket, code: number): void {
    if (socket !== this.socket) return;
    this.stopTimers();
    this.freeze();
    this.box?.remove();
    this.box = null;
    this.socket = null;
    this.rfb = null;
    this.ime.release();
    this.happened({ type: 'closed', code });
  }

  private happened(event: Parameters<typeof next>[1], problem: Problem | null = null): void {
    const before = this.link;
    this.link = next(before, event);
    if (this.link === before) return;
    this.report(problem);
    if (this.link.phase === 'reconnecting') this.wait();
  }

  private wait(): void {
    const jitter = this.link.delay * 0.2 * Math.random();
    this.isWaiting = true;
    this.retry = window.setTimeout(() => {
      // Nobody looks: being seen again is what starts the next attempt then.
      if (!document.hidden || !takesLonger(this.link)) void this.renew();
    }, this.link.delay + jitter);
  }

  /** Says once more how it stands, where something else was shown meanwhile. */
  report(problem: Problem | null = null): void {
    this.events.state(this.link, problem);
  }

  readonly retryNow = (): void => {
    if (this.link.phase === 'reconnecting' && this.isWaiting) void this.renew();
  };

  private async renew(): Promise<void> {
    window.clearTimeout(this.retry);
    this.isWaiting = false;
    try {
      const ticket = await newTicket(this.connection);
      if (this.link.phase !== 'ended') this.open(ticket.display);
    } catch (error) {
      const problem = error instanceof ApiProblem ? error : null;
      this.happened(
        {
          type: 'ticket-failed',
          status: problem?.status ?? 0,
          slug: problem?.slug ?? '',
          retryable: problem?.problem.retryable ?? true,
        },
        problem?.problem ?? null,
      );
    }
  }

  private stopTimers(): void {
    for (const timer of this.timers) window.clearTimeout(timer);
    this.timers = [];
  }

  private freeze(): void {
    const live = this.place.querySelector('canvas');
    if (!live || this.frozen || live.width === 0) return;
    const copy = document.createElement('canvas');
    copy.width = live.width;
    copy.height = live.height;
    const box = live.getBoundingClientRect();
    copy.className = 'frozen';
    copy.style.cssText = `left:${box.left}px;top:${box.top}px;width:${box.width}px;height:${box.height}px`;
    copy.getContext('2d')?.drawImage(live, 0, 0);
    copy.setAttribute('aria-hidden', 'true');
    document.body.append(copy);
    this.frozen = copy;
  }

  private thaw(): void {
    this.frozen?.remove();
    this.frozen = null;
  }
}
