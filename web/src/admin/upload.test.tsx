// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, configure, fireEvent, render, screen, waitFor } from '@testing-library/react';
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import { createMemoryRouter, Link, RouterProvider } from 'react-router';
import { afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import admin from '../i18n/ko/admin.json';
import common from '../i18n/ko/common.json';
import problems from '../i18n/ko/problems.json';
import { ImageUpload } from './ImageUpload';

const words = admin.images;

/** An upload that ends when the test says so. */
class Request extends EventTarget {
  static last: Request;
  readonly upload = new EventTarget();
  status = 0;
  statusText = '';
  responseText = '';
  aborted = false;
  open = vi.fn();
  setRequestHeader = vi.fn();
  send = vi.fn();
  getResponseHeader = () => 't9';
  constructor() {
    super();
    Request.last = this;
  }
  abort() {
    this.aborted = true;
    this.dispatchEvent(new Event('abort'));
  }
  answer(status: number, body: string) {
    Object.assign(this, { status, responseText: body });
    this.dispatchEvent(new Event('load'));
  }
}

// A busy machine is no failure.
configure({ asyncUtilTimeout: 15_000 });
vi.setConfig({ testTimeout: 60_000 });

beforeAll(async () => {
  await i18next.use(initReactI18next).init({ lng: 'ko', interpolation: { escapeValue: false }, resources: { ko: { translation: { ...common, ...admin, ...problems } } } });
});
beforeEach(async () => {
  vi.stubGlobal('XMLHttpRequest', Request);
  const router = createMemoryRouter([
    {
      path: '/image',
      element: (
        <>
          <Link to="/away">away</Link>
          <ImageUpload imageId="i1" />
        </>
      ),
    },
    { path: '/away', element: <h1>elsewhere</h1> },
  ], { initialEntries: ['/image'] });
  const { container } = render(
    <QueryClientProvider client={new QueryClient()}>
      <RouterProvider router={router} />
    </QueryClientProvider>,
  );
  const file = new File([new Uint8Array([0x51, 0x46, 0x49, 0xfb, 0, 0])], 'disk.qcow2');
  const field = container.querySelector('input[type=file]') as HTMLInputElement;
  fireEvent.change(field, { target: { files: [file] } });
  const button = screen.getByRole('button', { name: words.uploadNow });
  await waitFor(() => expect(button).toHaveProperty('disabled', false));
  fireEvent.click(button);
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

it('asks before a link takes her away from an upload, and goes on when she stays', async () => {
  fireEvent.click(screen.getByText('away'));
  expect(await screen.findByText(words.leaveTitle)).toBeTruthy();
  expect(Request.last.aborted).toBe(false);
  fireEvent.click(screen.getByRole('button', { name: words.leaveStay }));
  await waitFor(() => expect(screen.queryByText(words.leaveTitle)).toBeNull());
  expect(Request.last.aborted).toBe(false);
  fireEvent.click(screen.getByText('away'));
  fireEvent.click(await screen.findByRole('button', { name: words.leaveNow }));
  expect(await screen.findByText('elsewhere')).toBeTruthy();
  expect(Request.last.aborted).toBe(true);
});

it('asks before the window is closed, only while it runs', async () => {
  const closing = () => !window.dispatchEvent(new Event('beforeunload', { cancelable: true }));
  expect(closing()).toBe(true);
  Request.last.answer(201, JSON.stringify({ number: 1 }));
  await waitFor(() => expect(closing()).toBe(false));
});

it('does not call a refusal silence when it is no problem document', async () => {
  Request.last.answer(413, '<html>413 Request Entity Too Large</html>');
  const note = await screen.findByRole('alert');
  expect(note.textContent).toContain('서버가 요청을 거절했습니다 (HTTP 413)');
  expect(note.textContent).toContain('t9');
  expect(note.textContent).not.toContain(problems.problem.unreachable);
});
