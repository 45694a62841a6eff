// @vitest-environment jsdom
import { configure, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Desktop, Operation } from '../api/types';
import { listOf, ME, problem, serve, type Server, show } from '../testing/page';
import { DesktopsPage } from './DesktopsPage';

// Limits for a hang, not for a slow machine.
configure({ asyncUtilTimeout: 60_000 });
vi.setConfig({ testTimeout: 240_000 });

const desktop = (n: number) =>
  ({ id: `d${n}`, name: `office-${n}`, pool_id: 'p', pool_name: 'office', state: 'off', username: null, bserver_id: null, allowed_actions: ['start'], operation: null, reason: null, observed: 'off', person_id: null }) as unknown as Desktop;
const page = (from: number, next: string | null, total?: number): readonly [number, unknown] => [200, { items: Array.from({ length: 100 }, (_, n) => desktop(from + n)), next, as_of: new Date().toISOString(), ...(total === undefined ? {} : { total }) }];
const children = { total: 2, already: 0, refused: 0, queued: 0, running: 1, succeeded: 1, failed: 0, cancelled: 0 };
const order = (part: Partial<Operation>) => ({ id: 'o1', verb: 'start', target: { kind: 'desktops', id: 'o1', name: '' }, state: 'running', percent: 50, error: null, children, ...part }) as Operation;

const sent: { action: string; desktops?: string[]; filter?: unknown; dry_run?: boolean }[] = [];
const dry = { action: 'start', totals: { will: 2, already: 1, refused: 1 }, items: [
  { desktop_id: 'd1', name: 'office-1', outcome: 'will', slug: null },
  { desktop_id: 'd2', name: 'office-2', outcome: 'will', slug: null },
  { desktop_id: 'd3', name: 'office-3', outcome: 'already', slug: null },
  { desktop_id: 'd4', name: 'office-4', outcome: 'refused', slug: 'desktop-state' },
] };

function open(at: string, more: Server = {}) {
  const asked = serve({
    'GET /me': [200, { ...ME, role: 'admin' }],
    'GET /me/filters': listOf(),
    'GET /desktops': page(0, 'c1', 100_000),
    'GET /operations/o1': [200, order({})],
    '*': listOf(),
    ...more,
  });
  const plain = globalThis.fetch;
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    if (init.method === 'POST' && url.endsWith('/desktops/actions')) {
      const body = JSON.parse(String(init.body)) as (typeof sent)[number];
      sent.push(body);
      return Promise.resolve(new Response(JSON.stringify(body.dry_run ? dry : order({})), { status: body.dry_run ? 200 : 202 }));
    }
    return plain(url, init);
  });
  show(<DesktopsPage />, at);
  return asked;
}

beforeEach(() => {
  sent.length = 0;
  vi.stubGlobal('ResizeObserver', class { observe() {} disconnect() {} });
});

describe('the grid of desktops', () => {
  it('holds the rows in view alone, and says where in the whole they are', async () => {
    open('/admin/desktops');
    const row = (await screen.findByText('office-0')).closest('tr');
    expect(row?.getAttribute('aria-rowindex')).toBe('2');
    expect(document.querySelector('.grid-box table')?.getAttribute('aria-rowcount')).toBe('100001');
    expect(document.querySelectorAll('[data-row]').length).toBeLessThan(60);
  });

  it('reads what the window comes to, from the page before', async () => {
    const asked = open('/admin/desktops', { 'GET /desktops?limit=100&cursor=c1': page(100, 'c2') });
    await screen.findByText('office-0');
    const box = document.querySelector('.grid-box') as HTMLElement;
    box.scrollTop = 150 * 44;
    fireEvent.scroll(box);
    const far = await screen.findByText('office-150');
    expect(far.closest('tr')?.getAttribute('aria-rowindex')).toBe('152');
    expect(screen.queryByText('office-0')).toBeNull();
    expect(asked).toContain('GET /desktops?limit=100&cursor=c1');
  });

  it('keeps its rows when it cannot be read', async () => {
    open('/admin/desktops', { 'GET /desktops': problem(503, 'db-unavailable') });
    await waitFor(() => expect(document.querySelector('.problem')).not.toBeNull());
  });

  it('takes all that match only with a filter, and not more than one order may', async () => {
    open('/admin/desktops');
    await screen.findByText('office-0');
    expect(screen.getByText('Set a filter first.')).toBeTruthy();
    expect(screen.getByRole('button', { name: 'Do with the selected' })).toHaveProperty('disabled', true);
  });
});

describe('an order for many', () => {
  it('is shown first; what is confirmed are the desktops that were shown', async () => {
    open('/admin/desktops?state=off', { 'GET /desktops': page(0, null, 100) });
    await screen.findByText('office-0');
    fireEvent.click(screen.getByRole('button', { name: 'Select all that match' }));
    fireEvent.click(screen.getByRole('button', { name: 'Do with the selected' }));
    fireEvent.click(await screen.findByRole('menuitem', { name: /^Start/ }));
    const dialog = await screen.findByRole('dialog');
    await within(dialog).findByText('2 desktops will be asked');
    expect(within(dialog).getByText(/office-4/)).toBeTruthy();
    expect(sent).toEqual([{ action: 'start', filter: { state: 'off' }, dry_run: true }]);
    fireEvent.click(within(dialog).getByRole('button', { name: 'Start: 2 desktops' }));
    await within(dialog).findByText('50 %');
    expect(sent[1]).toEqual({ action: 'start', desktops: ['d1', 'd2'] });
    expect(dialog.querySelector('.state-line')?.textContent).toContain('Cancel the rest');
  });

  it('of marked rows names just these', async () => {
    open('/admin/desktops');
    fireEvent.click(await screen.findByRole('checkbox', { name: 'Select office-3' }));
    fireEvent.click(screen.getByRole('checkbox', { name: 'Select office-5' }));
    expect(screen.getByText('2 desktops selected')).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Do with the selected' }));
    fireEvent.click(await screen.findByRole('menuitem', { name: /^Start/ }));
    await screen.findByText('2 desktops will be asked');
    expect(sent[0]).toEqual({ action: 'start', desktops: ['d3', 'd5'], dry_run: true });
  });
});
