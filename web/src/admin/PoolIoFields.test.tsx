// @vitest-environment jsdom
import { fireEvent, screen, waitFor } from '@testing-library/react';
import { Route, Routes } from 'react-router';
import { describe, expect, it, vi } from 'vitest';
import type { PoolIo } from '../api/types';
import { listOf, problem, serve, show } from '../testing/page';
import { PoolFormPage } from './PoolFormPage';
import { PoolIoFields } from './PoolIoFields';
import { EMPTY_IO } from './poolIo';

const learned: PoolIo['modules'] = [
  { module_id: 'm1', per_job: 11.75, per_job_source: 'learned', per_job_samples: 412, per_start: 150, per_start_source: 'initial', per_start_samples: 3 },
  { module_id: 'm2', per_job: 5, per_job_source: 'initial', per_job_samples: 0, per_start: 150, per_start_source: null, per_start_samples: null },
];

describe('a pool’s figures', () => {
  it('are learned unless given, and show what is in force', async () => {
    serve({ 'GET /modules': listOf({ id: 'm1', name: 'module-1' }, { id: 'm2', name: 'module-2' }) });
    show(<PoolIoFields draft={EMPTY_IO} known={{ ...EMPTY_IO, modules: learned }} onChange={() => undefined} />);
    expect(await screen.findByText('In module-1 now: 11.75 per job (what was measured), 150 per start (a first guess)')).toBeTruthy();
    expect(screen.getByText('In module-2 now: 5 per job (a first guess), 150 per start (–)')).toBeTruthy();
    expect(screen.getAllByText('Empty: learned by each module.')).toHaveLength(2);
    expect(screen.getByLabelText<HTMLInputElement>('I/O per job (requests/s)').value).toBe('');
  });

  it('have a word before anything is known, none for a new pool', () => {
    serve({});
    show(<PoolIoFields draft={EMPTY_IO} known={{ ...EMPTY_IO, modules: [] }} onChange={() => undefined} />);
    expect(screen.getByText('No module has told its figures yet.')).toBeTruthy();
  });

  it('change one by one', () => {
    const onChange = vi.fn();
    serve({});
    show(<PoolIoFields draft={{ ...EMPTY_IO, per_start: 99 }} known={null} onChange={onChange} />);
    expect(screen.queryByText('No module has told its figures yet.')).toBeNull();
    fireEvent.change(screen.getByLabelText('A job is'), { target: { value: 'desktop' } });
    fireEvent.change(screen.getByLabelText('I/O per job (requests/s)'), { target: { value: '12.5' } });
    fireEvent.change(screen.getByLabelText('I/O per start (requests/s)'), { target: { value: '' } });
    expect(onChange.mock.calls.map(([io]) => io as unknown)).toEqual([
      { job: 'desktop', per_job: null, per_start: 99 },
      { job: 'session', per_job: 12.5, per_start: 99 },
      { job: 'session', per_job: null, per_start: null },
    ]);
  });
});

it('the pool’s form sends them', async () => {
  const pool = {
    id: 'p1',
    name: 'Office',
    description: '',
    kind: 'floating',
    image_id: 'i1',
    image_version_id: 'v1',
    spec_id: 's1',
    shares: [{ module_id: 'm1', size: 5, state: 'acknowledged' }],
    spares_running: 0,
    change: null,
    forecast: [],
    refused: [],
    io: { ...EMPTY_IO, per_start: 120, modules: learned },
    counts: {},
    generation: 7,
  };
  const counts = { bservers: 1, desktops: 5, running: 0, sessions: 0, slots: 48, slots_used: 5, vfs: 0, vfs_used: 0 };
  serve({
    'GET /pools/p1': [200, pool],
    'PATCH /pools/p1': [200, pool],
    'POST /pools/preview': problem(503, 'overloaded'),
    'GET /modules': listOf({ id: 'm1', name: 'module-1', counts }),
    'GET /images': listOf({ id: 'i1', name: 'debian', latest_version: null }),
    'GET /specs': listOf({ id: 's1', name: 'small', vcpus: 1, memory_mib: 512 }),
    '*': listOf(),
  });
  const fetch = globalThis.fetch;
  const sent: unknown[] = [];
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    if (init.method === 'PATCH') sent.push((JSON.parse(String(init.body)) as { io: unknown }).io);
    return fetch(url, init);
  });
  show(
    <Routes>
      <Route path="pools/:id" element={<PoolFormPage />} />
    </Routes>,
    '/pools/p1',
  );
  expect((await screen.findByLabelText<HTMLInputElement>('I/O per start (requests/s)')).value).toBe('120');
  fireEvent.change(screen.getByLabelText('I/O per job (requests/s)'), { target: { value: '8.125' } });
  fireEvent.click(screen.getByText('Save'));
  await waitFor(() => expect(sent).toEqual([{ job: 'session', per_job: 8.125, per_start: 120 }]));
});
