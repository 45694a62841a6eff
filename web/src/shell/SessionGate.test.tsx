// @vitest-environment jsdom
import { onlineManager } from '@tanstack/react-query';
import { act, fireEvent, screen, waitFor } from '@testing-library/react';
import { useState } from 'react';
import { beforeEach, expect, it } from 'vitest';
import { call } from '../api/call';
import { ME, problem, serve, type Server, show } from '../testing/page';
import { useMe } from './session';
import { SessionGate } from './SessionGate';

let who = ME;
const server: Server = {
  'GET /me': () => [200, who],
  'POST /sessions': () => [201, { csrf: 'c2', modules: [] }],
  'GET /desktops': problem(401, 'not-signed-in'),
};

function Form() {
  const [text, setText] = useState('');
  return <input aria-label={`note of ${useMe().username}`} value={text} onChange={(event) => setText(event.target.value)} />;
}

beforeEach(async () => {
  who = ME;
  localStorage.setItem('bic.signed-in', '1');
  serve(server);
  show(<SessionGate>{() => <Form />}</SessionGate>);
  fireEvent.change(await screen.findByLabelText('note of kim'), { target: { value: 'half a sentence' } });
  await act(() => call('get', '/desktops').catch(() => undefined));
});

async function signIn() {
  fireEvent.change(screen.getByLabelText('User name'), { target: { value: who.username } });
  fireEvent.change(screen.getByLabelText('Password'), { target: { value: 'secret' } });
  fireEvent.click(screen.getByText('Sign in', { selector: 'button *' }));
  await waitFor(() => expect(document.querySelector('dialog')).toBeNull());
}

const note = (name: string) => screen.queryByLabelText(`note of ${name}`) as HTMLInputElement | null;

it('what was typed is kept under the log-in, and asks for nothing, until the same person is back', async () => {
  expect(document.querySelector('dialog')?.open).toBe(true);
  expect(note('kim')?.value).toBe('half a sentence');
  expect(onlineManager.isOnline()).toBe(false);
  await signIn();
  expect(note('kim')?.value).toBe('half a sentence');
  expect(onlineManager.isOnline()).toBe(true);
});

it('another person finds nothing of it', async () => {
  who = { ...ME, id: 'u2', username: 'lee' };
  await signIn();
  expect(note('kim')).toBeNull();
  expect(note('lee')?.value).toBe('');
});

it('who signs out elsewhere leaves nothing here', async () => {
  await signIn();
  const other = new BroadcastChannel('bic.session');
  other.postMessage('out');
  await waitFor(() => expect(note('kim')).toBeNull());
  other.close();
});
