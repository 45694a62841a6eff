import i18next from 'i18next';
import { beforeAll, describe, expect, it } from 'vitest';
import { asProblem, problemFrom, traceOf } from '../api/problem';
import ko from '../i18n/ko/problems.json';
import type { Problem } from '../api/types';
import { problemWords } from './problem';

const full: Problem = {
  type: '/problems/law-slots',
  title: 'No free desktop slot on any bServer',
  status: 409,
  detail: 'All 48 slots of module-1 are taken.',
  instance: 'urn:trace:5f2c',
  origin: 'bcenter/module-1',
  retryable: true,
  errors: [{ pointer: '/name', message: 'too long' }],
};

beforeAll(() => i18next.init({ lng: 'ko', resources: { ko: { translation: ko } } }));

describe('a problem in words', () => {
  it('has a title in the reader’s language, the server’s detail, and the number for support', () => {
    expect(problemWords(full, i18next.t)).toEqual({
      title: ko.problem['law-slots'],
      detail: full.detail,
      fields: ['name: too long'],
      trace: '5f2c',
    });
  });

  it('keeps the server’s title when the slug is new', () => {
    expect(problemWords({ ...full, type: '/problems/brand-new' }, i18next.t).title).toBe(full.title);
  });

  it('reads a problem document, and makes one of an answer that is none', async () => {
    const good = await problemFrom(new Response(JSON.stringify(full), { status: 409 }));
    expect([good.slug, good.status]).toEqual(['law-slots', 409]);
    const page = await problemFrom(new Response('<html>', { status: 502, headers: { 'X-Request-Id': 'abc' } }));
    expect([page.slug, page.problem.retryable, traceOf(page.problem)]).toEqual(['http-502', true, 'abc']);
  });

  it('calls silence by its name', () => {
    expect(asProblem(new TypeError('Failed to fetch'))).toMatchObject({ type: '/problems/unreachable', status: 0, retryable: true });
  });
});
