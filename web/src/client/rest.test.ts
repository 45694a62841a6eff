// @vitest-environment jsdom
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Connection } from '../api/types';
import { endSession, newTicket } from './rest';

const connection = { id: 'c1', login: 'http://module.test/api/v1/', resume: 's3cret' } as Connection;
const OWN = `${window.location.origin}/api/v1/connections/c1`;

type Answer = number | 'silence';
/** What was asked, given these answers in turn. */
function server(...answers: Answer[]) {
  const fetch = vi.fn<typeof globalThis.fetch>();
  for (const answer of answers)
    if (answer === 'silence') fetch.mockRejectedValueOnce(new TypeError('Failed to fetch'));
    else fetch.mockResolvedValueOnce(new Response(answer === 204 ? null : '{}', { status: answer }));
  vi.stubGlobal('fetch', fetch);
  return () => fetch.mock.calls.map(([url, init]) => ({ url, ...init }));
}
afterEach(() => vi.unstubAllGlobals());

describe('ending a session', () => {
  it('asks the module, with the resume secret alone', async () => {
    const asked = server(204);
    await endSession(connection);
    expect(asked()).toHaveLength(1);
    const [only] = asked();
    expect(only).toMatchObject({ url: 'http://module.test/api/v1/connections/c1/end', method: 'POST', body: '{"resume":"s3cret"}' });
    expect(only?.headers).toEqual({ 'Content-Type': 'application/json' });
  });

  it("asks the page's own server when the module is silent, and only then", async () => {
    const asked = server('silence', 204);
    await endSession(connection);
    expect(asked().map(({ url }) => url)).toEqual(['http://module.test/api/v1/connections/c1/end', `${OWN}/end`]);
    const refused = server(401, 204);
    await expect(endSession(connection)).rejects.toMatchObject({ status: 401 });
    expect(refused()).toHaveLength(1);
  });

  it.each([410, 404])('is content with one that has ended (%i)', async (status) => {
    server(status);
    await expect(endSession(connection)).resolves.toBeUndefined();
  });

  it.each([['silence', 0], [409, 409], [503, 503]] as const)('says that it did not work (%s)', async (answer, status) => {
    server(answer, answer);
    await expect(endSession(connection)).rejects.toMatchObject({ status });
  });
});

it('a ticket comes from the module first, too', async () => {
  const asked = server('silence', 201);
  await newTicket(connection);
  expect(asked().map(({ url }) => url)).toEqual(['http://module.test/api/v1/connections/c1/tickets', `${OWN}/tickets`]);
});
