// @vitest-environment jsdom
import { fireEvent, screen, waitFor } from '@testing-library/react';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Bserver } from '../api/types';
import { problem, serve, show } from '../testing/page';
import { BserverIo } from './BserverIo';

const at = '2026-11-28T17:00:00Z';
const io: NonNullable<Bserver['io']> = {
  total: 640.5,
  limit: 1250,
  source: 'learned',
  reason: 'healthy',
  since: at,
  as_of: at,
  moves: [
    { at, from: 1000, to: 1250, reason: 'healthy', total: 1000.4, us_per_request: 210, quiet_us: 180, dropped: 0 },
    { at: '2026-11-28T16:00:00Z', from: 900, to: 1000, reason: 'a reason of a newer module', total: null, us_per_request: null, quiet_us: null, dropped: null },
  ],
};
const bserver = (part: Partial<Bserver>) => ({ id: 'b1', name: 'host-1', generation: 3, io, io_limit: null, ...part }) as Bserver;

/** What was sent with PATCH. */
let sent: { body: unknown; match: string | null }[];
beforeEach(() => {
  sent = [];
});
function patched(answer: readonly [number, unknown?]) {
  serve({ 'PATCH /bservers/b1': answer, 'GET /bservers/b1': [200, bserver({ io_limit: 700, generation: 4 })] });
  const fetch = globalThis.fetch;
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    if (init.method === 'PATCH') sent.push({ body: JSON.parse(String(init.body)), match: new Headers(init.headers).get('If-Match') });
    return fetch(url, init);
  });
}

describe('the I/O law on a bServer', () => {
  it('shows the total, the limit, and why it is that', () => {
    show(<BserverIo bserver={bserver({})} />);
    expect(screen.getByText('640.5 / 1,250')).toBeTruthy();
    expect(screen.getByText('what was measured')).toBeTruthy();
    expect(screen.getAllByText('Bore more than before')).toHaveLength(2);
    expect(screen.getByText('1,000 → 1,250 requests/s')).toBeTruthy();
    expect(screen.getByText('1,000.4 requests/s, 210 µs a request')).toBeTruthy();
    expect(screen.getByText('a reason of a newer module')).toBeTruthy();
    expect(screen.getByText('nothing: what is learned holds')).toBeTruthy();
    expect(screen.queryByText(/At its limit/)).toBeNull();
    expect(screen.queryByText('Take the limit back')).toBeNull();
  });

  it('says that it is full, when it is', () => {
    show(<BserverIo bserver={bserver({ io: { ...io, total: 1250 } })} />);
    expect(screen.getByText(/At its limit/)).toBeTruthy();
  });

  it('has a word where nothing is known, and the limit can be set all the same', () => {
    show(<BserverIo bserver={bserver({ io: null, io_limit: 800.125 })} />);
    expect(screen.getByText('Its module has not told anything of its I/O yet.')).toBeTruthy();
    expect(screen.getByText('800.125 requests/s')).toBeTruthy();
    expect(screen.queryByRole('table')).toBeNull();
    expect(screen.getByText('Change the limit')).toBeTruthy();
  });

  it('that never moved says so', () => {
    show(<BserverIo bserver={bserver({ io: { ...io, moves: [], reason: null, since: null } })} />);
    expect(screen.getByText('The limit has not changed yet.')).toBeTruthy();
  });
});

describe('an administrator’s limit', () => {
  it('is given with the generation that was read', async () => {
    patched([200, bserver({ io_limit: 812.125 })]);
    show(<BserverIo bserver={bserver({})} />);
    fireEvent.click(screen.getByText('Set a limit'));
    expect(screen.getByText(/neither raised nor lowered/)).toBeTruthy();
    fireEvent.change(screen.getByLabelText('I/O limit (requests/s)'), { target: { value: '812.125' } });
    fireEvent.click(screen.getByText('Save'));
    await waitFor(() => expect(sent).toEqual([{ body: { io_limit: 812.125 }, match: '"3"' }]));
    await waitFor(() => expect(screen.queryByLabelText('I/O limit (requests/s)')).toBeNull());
  });

  it('that is refused says why, at the field', async () => {
    const [status, body] = problem(400, 'invalid-request');
    patched([status, { ...(body as object), errors: [{ pointer: '/io_limit', message: 'io_limit must be a number from 0.001 to 1000000 with at most three decimals' }] }]);
    show(<BserverIo bserver={bserver({})} />);
    fireEvent.click(screen.getByText('Set a limit'));
    fireEvent.change(screen.getByLabelText('I/O limit (requests/s)'), { target: { value: '5' } });
    fireEvent.click(screen.getByText('Save'));
    expect(await screen.findByText('A number from 0.001 to 1000000, with at most three decimals.')).toBeTruthy();
  });

  it('that somebody else set meanwhile is shown, not overwritten', async () => {
    patched(problem(412, 'stale-generation') as readonly [number, unknown]);
    show(<BserverIo bserver={bserver({})} />);
    fireEvent.click(screen.getByText('Set a limit'));
    fireEvent.change(screen.getByLabelText('I/O limit (requests/s)'), { target: { value: '500' } });
    fireEvent.click(screen.getByText('Save'));
    expect(await screen.findByText(/700/)).toBeTruthy();
    expect(screen.getByLabelText<HTMLInputElement>('I/O limit (requests/s)').value).toBe('500');
    fireEvent.click(screen.getByText('Save'));
    await waitFor(() => expect(sent.map(({ match }) => match)).toEqual(['"3"', '"4"']));
  });

  it('is taken back after a question', async () => {
    patched([200, bserver({ generation: 4 })]);
    show(<BserverIo bserver={bserver({ io_limit: 800 })} />);
    fireEvent.click(screen.getByText('Take the limit back'));
    expect(sent).toEqual([]);
    expect(screen.getByText(/went on learning/)).toBeTruthy();
    fireEvent.click(screen.getAllByText('Take the limit back').at(-1) as HTMLElement);
    await waitFor(() => expect(sent).toEqual([{ body: { io_limit: null }, match: '"3"' }]));
  });
});
