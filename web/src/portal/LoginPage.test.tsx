// @vitest-environment jsdom
import { fireEvent, screen, waitFor } from '@testing-library/react';
import { beforeEach, describe, expect, it } from 'vitest';
import { OFFLINE, problem, serve, show } from '../testing/page';
import { LoginPage } from './LoginPage';

const REFUSED = problem(503, 'db-unavailable');
beforeEach(() => localStorage.setItem('bic.modules', JSON.stringify([{ id: 'm', name: 'module-7', login: 'https://seven.example:8441/api/v1' }])));

async function tryToSignIn() {
  fireEvent.change(screen.getByLabelText('User name'), { target: { value: 'kim' } });
  fireEvent.change(screen.getByLabelText('Password'), { target: { value: 'secret' } });
  fireEvent.click(screen.getByRole('button', { name: 'Sign in' }));
  await waitFor(() => expect(document.querySelector('.problem')).not.toBeNull());
}

describe('the log-in shows the way on', () => {
  it.each([
    ['nobody answers', OFFLINE, true],
    ['there is no database', REFUSED, true],
    ['the password is wrong', problem(401, 'bad-credentials'), false],
  ])('when %s: %s, %s', async (_, answer, isOffered) => {
    serve({ '*': answer });
    show(<LoginPage />);
    await tryToSignIn();
    const link = screen.queryByRole('link', { name: 'module-7' });
    expect(link?.getAttribute('href') ?? null).toBe(isOffered ? 'https://seven.example:8441/' : null);
  });

  it('before anything is typed, when it is not known whether she is signed in', async () => {
    localStorage.setItem('bic.signed-in', '1');
    serve({ '*': REFUSED });
    show(<LoginPage />);
    await screen.findByRole('link', { name: 'module-7' });
  });
});
