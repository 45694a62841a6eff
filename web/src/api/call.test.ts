import { afterEach, describe, expect, it, vi } from 'vitest';
import { call, callFull, onAnswer, setCsrf, urlOf } from './call';
import { originOf } from './session';

const answer = (status: number, body: unknown) => new Response(status === 204 ? null : JSON.stringify(body), { status });
afterEach(() => void vi.unstubAllGlobals());

function stub(response: Response | Error) {
  const fetched = vi.fn((_url: string, _init: RequestInit) => (response instanceof Error ? Promise.reject(response) : Promise.resolve(response)));
  vi.stubGlobal('fetch', fetched);
  return () => {
    const [url, init] = fetched.mock.calls[0] ?? ['', {}];
    return { url, headers: new Headers(init.headers), init };
  };
}

describe('a call', () => {
  it('leaves out empty query parameters and escapes the rest', () => {
    expect(urlOf('/desktops/{id}', { id: 'a/b' }, { q: '김 민지', state: undefined, pool_id: '' })).toBe('/api/v1/desktops/a%2Fb?q=%EA%B9%80+%EB%AF%BC%EC%A7%80');
  });

  it('sends If-Match, the CSRF value and an idempotency key where they belong', async () => {
    setCsrf('c1');
    const patched = stub(answer(200, {}));
    await call('patch', '/users/{id}', { path: { id: 'u' }, generation: 7, body: { disabled: true } });
    expect([patched().headers.get('If-Match'), patched().headers.get('X-CSRF-Token'), patched().headers.get('Idempotency-Key')]).toEqual(['"7"', 'c1', null]);
    const posted = stub(answer(201, {}));
    await call('post', '/groups', { body: { name: 'g' } });
    expect(posted().headers.get('Idempotency-Key')).toMatch(/^[0-9a-f]{32}$/);
    const read = stub(answer(200, {}));
    await call('get', '/me');
    expect(read().headers.get('X-CSRF-Token')).toBeNull();
  });

  it('tells who listens of silence and of problems, and of good answers', async () => {
    const heard: (string | null)[] = [];
    const stop = onAnswer((problem) => heard.push(problem?.slug ?? null));
    stub(new TypeError('Failed to fetch'));
    await expect(call('get', '/me')).rejects.toMatchObject({ isUnreachable: true });
    stub(answer(401, { type: '/problems/not-signed-in', status: 401 }));
    await expect(call('get', '/me')).rejects.toMatchObject({ slug: 'not-signed-in' });
    stub(answer(204, null));
    await expect(callFull('delete', '/sessions/current')).resolves.toMatchObject({ status: 204 });
    stop();
    expect(heard).toEqual(['unreachable', 'not-signed-in', null]);
  });

  it('takes only web addresses for other portals', () => {
    expect(originOf('http://10.0.0.5:8441/api/v1')).toBe('http://10.0.0.5:8441');
    expect(originOf('javascript:alert(1)')).toBeNull();
    expect(originOf('')).toBeNull();
  });
});
