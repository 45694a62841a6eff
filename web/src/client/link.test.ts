import { describe, expect, it } from 'vitest';
import { ATTEMPTS, CLOSE, delayOf, laneOf, type LinkEvent, type LinkState, next, START, takesLonger } from './link';

const run = (...events: LinkEvent[]): LinkState => events.reduce(next, START);
const lost: LinkEvent = { type: 'closed', code: 1006 };
const opened: LinkEvent = { type: 'opened' };
const ticketFailed = (status: number, slug = '', retryable = false): LinkEvent => ({ type: 'ticket-failed', status, slug, retryable });

describe('the link to a desktop', () => {
  it('reconnects when the link is lost, and counts', () => {
    expect(run(opened, lost)).toMatchObject({ phase: 'reconnecting', attempt: 1, delay: 500 });
    expect(run(opened, lost, lost)).toMatchObject({ phase: 'reconnecting', attempt: 2, delay: 1000 });
  });

  it('never gives up: after ten attempts one follows every ten seconds', () => {
    const losses = Array.from({ length: ATTEMPTS }, () => lost);
    expect(takesLonger(run(opened, ...losses))).toBe(false);
    for (const more of [[lost], [lost, ticketFailed(0)], [...losses, ...losses]]) {
      const state = run(opened, ...losses, ...more);
      expect(state).toMatchObject({ phase: 'reconnecting', delay: 10_000, end: null });
      expect(takesLonger(state)).toBe(true);
    }
    expect(takesLonger(run(opened, ...losses, lost, opened))).toBe(false);
    expect(run(opened, ...losses, lost, ticketFailed(410, 'session-ended'))).toMatchObject({ end: 'session-ended' });
  });

  it('goes to the next lane when one is lost, and to no other when the desktop or the person is the reason', () => {
    const display = { url: 'a', lane: 1, protocols: [], others: [{ lane: 0, url: 'b' }] };
    expect(laneOf(START, display)).toBe('a');
    expect(laneOf(run(opened, lost), display)).toBe('b');
    expect(laneOf(run(opened, lost, lost), display)).toBe('a');
    expect(laneOf(run(opened, lost, opened), display)).toBe('b');
    for (const code of [CLOSE.hungUp, CLOSE.refused, 1001, 1013]) expect(laneOf(run(opened, { type: 'closed', code }), display)).toBe('a');
    expect(laneOf(run(opened, lost), { ...display, others: [] })).toBe('a');
  });

  it('starts counting anew only after the link was good for a while', () => {
    expect(run(opened, lost, lost, opened, lost).attempt).toBe(3);
    expect(run(opened, lost, lost, opened, { type: 'stable' }, lost).attempt).toBe(1);
  });

  it.each([
    [CLOSE.sessionEnded, 'session-ended'],
    [CLOSE.takenOver, 'taken-over'],
    [CLOSE.desktopStopped, 'stopped'],
  ] as const)('close code %i ends as %s', (code, end) => {
    expect(run(opened, { type: 'closed', code })).toMatchObject({ phase: 'ended', end });
  });

  it('tries one fresh ticket when a ticket is refused, not two', () => {
    const refused: LinkEvent = { type: 'closed', code: CLOSE.refused };
    expect(run(refused).phase).toBe('reconnecting');
    expect(run(refused, refused)).toMatchObject({ phase: 'ended', end: 'refused' });
    expect(run(refused, opened, refused).phase).toBe('reconnecting');
  });

  it('tells an answer that says no from one that does not come', () => {
    expect(run(opened, lost, ticketFailed(0)).phase).toBe('reconnecting');
    expect(run(opened, lost, ticketFailed(503, 'not-ready', true)).phase).toBe('reconnecting');
    expect(run(opened, lost, ticketFailed(429, 'too-many-requests')).phase).toBe('reconnecting');
    expect(run(opened, lost, ticketFailed(410, 'session-ended'))).toMatchObject({ end: 'session-ended' });
    expect(run(opened, lost, ticketFailed(404, 'not-found'))).toMatchObject({ end: 'session-ended' });
    expect(run(opened, lost, ticketFailed(409, 'vm-state', false))).toMatchObject({ end: 'refused' });
    expect(run(opened, lost, ticketFailed(409, 'desktop-state'))).toMatchObject({ end: 'stopped' });
    expect(run(opened, lost, ticketFailed(401, 'ticket-refused'))).toMatchObject({ end: 'refused' });
  });

  it('knows a desktop that was switched off from inside: the machine hangs up before anybody says why', () => {
    const hungUp: LinkEvent = { type: 'closed', code: CLOSE.hungUp };
    const later: LinkEvent = { type: 'closed', code: 1013 };
    expect(run(opened, hungUp, later, ticketFailed(410, 'session-ended'))).toMatchObject({ end: 'stopped' });
    expect(run(opened, hungUp, opened, lost, ticketFailed(410, 'session-ended'))).toMatchObject({ end: 'session-ended' });
  });

  it('stays ended', () => {
    expect(run({ type: 'closed', code: CLOSE.takenOver }, opened, lost)).toMatchObject({ phase: 'ended', end: 'taken-over' });
  });

  it('waits longer each time, at most ten seconds', () => {
    const delays = Array.from({ length: ATTEMPTS }, (_, i) => delayOf(i + 1));
    expect(delays).toEqual([...delays].sort((a, b) => a - b));
    expect(delays.at(-1)).toBe(10_000);
  });
});
