// Decisions of the client's link to a desktop: pure, no clock, no network. What happened goes in,
// the next state comes out; screen.ts does what the state says.

import type { Display } from '../api/types';

/** So many are made in a row, each after a longer wait. Then the page says that it takes longer, and one
 * follows every ten seconds while somebody looks: a switch or a bServer that starts again comes back. */
export const ATTEMPTS = 10;

/** Close codes of the display socket (docs/rest.md, the agent). */
export const CLOSE = { sessionEnded: 4001, takenOver: 4002, desktopStopped: 4003, refused: 4004, hungUp: 1011, lost: 1006 };

export type EndReason = 'session-ended' | 'taken-over' | 'stopped' | 'refused';

export interface LinkState {
  phase: 'connecting' | 'connected' | 'reconnecting' | 'ended';
  /** Attempts since the link was last good for a while; from 1 while reconnecting. */
  attempt: number;
  /** Milliseconds until the next attempt. */
  delay: number;
  /** How often a lane could not be reached: the next attempt goes to the next one of those that the ticket names. */
  lane: number;
  /** Tickets refused in a row: a fresh one is tried once. */
  refusals: number;
  /** The machine hung up, and the link was not good since: a session that ends then ended by its desktop's stop. */
  hasHungUp: boolean;
  end: EndReason | null;
}

export type LinkEvent =
  | { type: 'opened' }
  /** Connected for long enough that the next loss starts counting anew. */
  | { type: 'stable' }
  | { type: 'closed'; code: number }
  | { type: 'ticket-failed'; status: number; slug: string; retryable: boolean };

export const START: LinkState = {
  phase: 'connecting',
  attempt: 0,
  delay: 0,
  lane: 0,
  refusals: 0,
  hasHungUp: false,
  end: null,
};

const DELAYS = [500, 1000, 2000, 3000, 5000, 8000];
const LONGEST = 10_000;

/** The many attempts were in vain: from now on only while the page can be seen. */
export function takesLonger(state: LinkState): boolean {
  return state.phase === 'reconnecting' && state.attempt > ATTEMPTS;
}

export function delayOf(attempt: number): number {
  return DELAYS[attempt - 1] ?? LONGEST;
}

function ended(state: LinkState, end: EndReason): LinkState {
  return { ...state, phase: 'ended', end, delay: 0 };
}

function again(state: LinkState): LinkState {
  const attempt = state.attempt + 1;
  return { ...state, phase: 'reconnecting', attempt, delay: delayOf(attempt) };
}

function afterClose(state: LinkState, code: number): LinkState {
  switch (code) {
    case CLOSE.sessionEnded:
      return ended(state, 'session-ended');
    case CLOSE.takenOver:
      return ended(state, 'taken-over');
    case CLOSE.desktopStopped:
      return ended(state, 'stopped');
    case CLOSE.refused: {
      const refusals = state.refusals + 1;
      return refusals > 1 ? ended({ ...state, refusals }, 'refused') : again({ ...state, refusals });
    }
    case CLOSE.hungUp:
      return again({ ...state, hasHungUp: true });
    // Nobody said goodbye: the lane may be dead while the desktop is well.
    case CLOSE.lost:
      return again({ ...state, lane: state.lane + 1 });
    default:
      return again(state);
  }
}

/** An answer that says no ends the link; silence and "not now" are tried again. */
function afterTicketFailure(
  state: LinkState,
  event: Extract<LinkEvent, { type: 'ticket-failed' }>,
): LinkState {
  // A session that nobody remembers any more has ended too.
  if (event.slug === 'session-ended' || event.status === 404) return ended(state, state.hasHungUp ? 'stopped' : 'session-ended');
  if (event.slug === 'desktop-state' || event.slug === 'vm-missing') return ended(state, 'stopped');
  const patience = event.status === 0 || event.status >= 500 || event.status === 429;
  return patience || event.retryable ? again(state) : ended(state, 'refused');
}

/** The address for the next attempt. */
export function laneOf(state: LinkState, display: Display): string {
  const urls = [display.url, ...(display.others ?? []).map((other) => other.url)];
  return urls[state.lane % urls.length] ?? display.url;
}

export function next(state: LinkState, event: LinkEvent): LinkState {
  if (state.phase === 'ended') return state;
  switch (event.type) {
    case 'opened':
      return { ...state, phase: 'connected', delay: 0, refusals: 0, hasHungUp: false };
    case 'stable':
      return state.phase === 'connected' ? { ...state, attempt: 0 } : state;
    case 'closed':
      return afterClose(state, event.code);
    case 'ticket-failed':
      return afterTicketFailure(state, event);
  }
}
