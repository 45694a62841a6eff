// @vitest-environment jsdom
import { screen } from '@testing-library/react';
import { Route, Routes } from 'react-router';
import { describe, expect, it } from 'vitest';
import { LiveProvider } from '../live/LiveProvider';
import { SessionGate } from '../shell/SessionGate';
import { listOf, ME, problem, serve, type Server, show } from '../testing/page';
import { HomePage } from './HomePage';

const POOL = { id: 'p1', name: 'Office', description: '', kind: 'floating', image_name: 'Debian', desktop_id: null };
const home = (server: Server, at = '/') => {
  localStorage.setItem('bic.signed-in', '1');
  const asked = serve({ 'GET /me/desktops': listOf(), ...server });
  show(
    <SessionGate>
      {() => (
        <LiveProvider hasEvents={false}>
          <Routes>
            <Route index element={<HomePage />} />
            <Route path="admin" element={<h1>all of it</h1>} />
          </Routes>
        </LiveProvider>
      )}
    </SessionGate>,
    at,
  );
  return asked;
};
const admin: Server = { 'GET /me': [200, { ...ME, role: 'admin', events: true }] };

describe('the home of an administrator', () => {
  it('shows what she is entitled to, like anybody’s', async () => {
    const asked = home({ ...admin, 'GET /pools?limit=200&mine=true': listOf(POOL) });
    await screen.findByText('Office');
    expect(asked).toContain('GET /pools?limit=200&mine=true');
  });

  it('leads to the administration when there is nothing of hers', async () => {
    home({ ...admin, 'GET /pools': listOf() });
    await screen.findByText('all of it');
  });

  it('is empty at a module, which has no administration', async () => {
    home({ 'GET /me': [200, { ...ME, role: 'admin' }], 'GET /pools': listOf() });
    await screen.findByText('No desktops for you yet');
    expect(screen.queryByRole('link')).toBeNull();
  });
});

it('what cannot be read is said', async () => {
  home({ 'GET /me': [200, ME], 'GET /pools': problem(500, 'internal') });
  await screen.findByText('Internal error');
});
