// @vitest-environment jsdom
import { configure, fireEvent, screen, waitFor } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { listOf, ME, serve, show } from '../testing/page';
import { PoolWizard } from './PoolWizard';

// Limits for a hang, not for a slow machine.
configure({ asyncUtilTimeout: 60_000 });
vi.setConfig({ testTimeout: 240_000 });

const module = { id: 'm1', name: 'module-1', counts: { slots: 100, slots_used: 0, vfs: 26, vfs_used: 0 } };
const verdict = { module_id: 'm1', name: 'module-1', state: 'up', as_of: null, size: 40, made: 0, add: 40, room: 26, bservers: 2, bservers_up: 2, wanted: 40, limit: 1000, law: 'law-vf', needs: { slots: 40, memory_mib: 40_960, storage_gib: 0, vfs: 40 }, free: { slots: 100, memory_mib: 102_400, storage_gib: 0, vfs: 26 }, promised: { slots: 0, memory_mib: 0, storage_gib: 0, vfs: 0 } };
const refusal = { type: '/problems/law-module', title: 'x', status: 409, detail: 'module module-1 would hold 1200 desktops, the limit is 1,000', instance: 'urn:trace:t', origin: 'ccc/t', retryable: false, numbers: { wanted: 1200, limit: 1000 }, errors: [{ pointer: '/shares', message: 'module module-1 would hold 1200 desktops, the limit is 1,000' }] };

const next = () => fireEvent.click(screen.getByRole('button', { name: 'Next' }));

describe('a new pool', () => {
  it('goes through its steps, is previewed, and a refusal goes back to the step it is about', async () => {
    const asked = serve({
      'GET /me': [200, { ...ME, role: 'admin' }],
      'GET /images': listOf({ id: 'i1', name: 'debian', latest_version: { id: 'v1' } }),
      'GET /specs': listOf({ id: 's1', name: 'small' }),
      'GET /modules': listOf(module),
      'POST /pools/preview': [200, { fits: false, each: {}, modules: [verdict], as_of: '' }],
      'POST /pools': [409, refusal],
      '*': listOf(),
    });
    Element.prototype.scrollIntoView = vi.fn();
    show(<PoolWizard />);
    expect(await screen.findByText('Choose an image.')).toBeTruthy();
    await screen.findByRole('option', { name: 'debian' });
    fireEvent.change(screen.getByLabelText(/^Image/), { target: { value: 'i1' } });
    next();
    await screen.findByRole('option', { name: 'small' });
    fireEvent.change(screen.getByLabelText(/^Spec/), { target: { value: 's1' } });
    next();
    fireEvent.change(await screen.findByLabelText('module-1'), { target: { value: '40' } });
    next();
    fireEvent.change(screen.getByLabelText(/^Name/), { target: { value: 'Lab' } });
    expect(asked.some((one) => one.startsWith('POST'))).toBe(false);
    next();
    expect(await screen.findByText('Needs 40 virtual functions, 26 are free.')).toBeTruthy();
    expect(screen.getByText('Room for 26 of 40')).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Create' }));
    await waitFor(() => expect(document.activeElement?.id).toBe('shares'));
    expect(screen.getByRole('button', { name: '3. Size' }).getAttribute('aria-current')).toBe('step');
    expect(screen.getByLabelText('module-1')).toHaveProperty('value', '40');
  });
});
