// For the unit tests of pages: a server that is pretended, and a page in all that it stands in.
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, render } from '@testing-library/react';
import type { ReactNode } from 'react';
import { MemoryRouter } from 'react-router';
import { afterEach, vi } from 'vitest';
import type { Me } from '../api/types';
import { startI18n } from '../i18n/portal';
import { SessionProvider } from '../shell/session';

localStorage.setItem('bic.language', 'en');
await startI18n();

type Answer = readonly [status: number, body?: unknown];
export type Server = Record<string, Answer | (() => Answer)>;

export const OFFLINE: Answer = [0];

export function problem(status: number, slug: string): Answer {
  return [status, { type: `/problems/${slug}`, title: slug, status, detail: '', instance: 'urn:trace:t', origin: 'ccc/t', retryable: false }];
}

export const ME: Me = { id: 'u1', username: 'kim', display_name: 'Kim', role: 'user', csrf: 'c', expires_at: new Date(Date.now() + 3_600_000).toISOString(), modules: [], locale: 'en', events: false };

export const listOf = (...items: unknown[]): Answer => [200, { items, next: null, as_of: new Date().toISOString() }];

/** Answers by "GET /path", '*' for all others; returns what was asked. */
export function serve(server: Server): string[] {
  const asked: string[] = [];
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    const path = url.replace('/api/v1', '');
    asked.push(`${init.method} ${path}`);
    const found = server[`${init.method} ${path}`] ?? server[`${init.method} ${path.replace(/\?.*/, '')}`] ?? server['*'] ?? problem(404, 'not-found');
    const [status, body] = typeof found === 'function' ? found() : found;
    return status === 0 ? Promise.reject(new TypeError('Failed to fetch')) : Promise.resolve(new Response(body === undefined ? null : JSON.stringify(body), { status }));
  });
  return asked;
}

export function show(page: ReactNode, at = '/') {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  return render(
    <QueryClientProvider client={client}>
      <MemoryRouter initialEntries={[at]}>
        <SessionProvider>{page}</SessionProvider>
      </MemoryRouter>
    </QueryClientProvider>,
  );
}

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  localStorage.removeItem('bic.signed-in');
});
