// @vitest-environment jsdom
import { act, screen } from '@testing-library/react';
import { expect, it, vi } from 'vitest';
import { call } from '../api/call';
import { LiveProvider } from '../live/LiveProvider';
import { problem, serve, show } from '../testing/page';
import { ReadAge } from './DataAge';

const hour = new Date(Date.now() - 3_600_000).toISOString();
const page = (hasEvents: boolean) =>
  show(
    <LiveProvider hasEvents={hasEvents}>
      <ReadAge asOf={hour} />
    </LiveProvider>,
  );
const age = () => screen.queryByText(/1 hour ago/);

it('the age is not shown while changes are pushed, and is when the server falls silent', async () => {
  vi.stubGlobal('EventSource', EventTarget);
  serve({ 'GET /me': problem(503, 'db-unavailable') });
  page(true);
  expect(age()).toBeNull();
  await act(() => call('get', '/me').catch(() => undefined));
  expect(age()).not.toBeNull();
});

it('it is shown where the page has to ask', () => {
  page(false);
  expect(age()).not.toBeNull();
});
