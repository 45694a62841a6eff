// @vitest-environment jsdom
import { fireEvent, screen, waitFor } from '@testing-library/react';
import { Route, Routes } from 'react-router';
import { beforeEach, describe, expect, it } from 'vitest';
import { SessionGate } from '../shell/SessionGate';
import { listOf, ME, problem, serve, show } from '../testing/page';
import { StartPage } from './StartPage';

beforeEach(() => localStorage.setItem('bic.modules', JSON.stringify([{ id: 'm', name: 'module-7', login: 'https://seven.example:8441/api/v1' }])));
const start = () =>
  show(
    <Routes>
      <Route path="start/:id" element={<StartPage />} />
    </Routes>,
    '/start/p1',
  );

describe('the starting page shows the way on, to the same desktop', () => {
  it('when there is no database to say which are hers', async () => {
    serve({ '*': problem(503, 'db-unavailable') });
    start();
    expect((await screen.findByText('module-7')).getAttribute('href')).toBe('https://seven.example:8441/start/p1');
  });

  it('when there is none to connect her', async () => {
    serve({ 'GET /me/desktops': listOf(), 'GET /pools': listOf({ id: 'p1', name: 'Office' }), 'POST /connections': problem(503, 'db-unavailable') });
    start();
    await screen.findByText('module-7');
  });

  it('and not when her module is only slow', async () => {
    serve({ 'GET /me/desktops': listOf(), 'GET /pools': listOf(), 'POST /connections': problem(504, 'peer-timeout') });
    start();
    await screen.findByText('The desktop could not be opened');
    expect(screen.queryByText('module-7')).toBeNull();
  });
});

it('who signs in again is connected, without asking once more', async () => {
  localStorage.setItem('bic.signed-in', '1');
  let isSignedIn = false;
  const asked = serve({
    'GET /me': [200, ME],
    'GET /me/desktops': listOf(),
    'GET /pools': listOf(),
    'POST /sessions': () => {
      isSignedIn = true;
      return [201, { csrf: 'c', modules: [] }];
    },
    'POST /connections': () => (isSignedIn ? problem(409, 'pool-exhausted') : problem(401, 'not-signed-in')),
  });
  show(
    <SessionGate>
      {() => (
        <Routes>
          <Route path="start/:id" element={<StartPage />} />
        </Routes>
      )}
    </SessionGate>,
    '/start/p1',
  );
  fireEvent.change(await screen.findByLabelText('Password'), { target: { value: 'secret' } });
  fireEvent.click(screen.getByText('Sign in', { selector: 'button *' }));
  await waitFor(() => expect(asked.filter((one) => one === 'POST /connections')).toHaveLength(2));
  await screen.findByText('Every desktop of the pool is taken');
});
