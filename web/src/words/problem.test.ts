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
  errors: [{ pointer: '/name', message: 'name is too long' }],
};

beforeAll(() => i18next.init({ lng: 'ko', resources: { ko: { translation: ko } } }));

describe('a problem in words', () => {
  it('has a title in the reader’s language, what it means, and the number for support', () => {
    expect(problemWords(full, i18next.t)).toEqual({
      title: ko.problem['law-slots'],
      sentence: ko.problemText['law-slots'],
      detail: full.detail,
      fields: [`${ko.member.name}: ${ko.said.tooLong}`],
      trace: '5f2c',
    });
  });

  it('does not say twice what a field says, and says nothing of the place in the body', () => {
    const problem = { ...full, type: '/problems/invalid-request', detail: 'share 0: size is missing', errors: [{ pointer: '/shares/0/size', message: 'share 0: size is missing' }] };
    expect(problemWords(problem, i18next.t).fields).toEqual([`${ko.member.size}: ${ko.said.missing}`]);
    expect(problemWords(problem, i18next.t, () => true)).toMatchObject({ fields: [], sentence: ko.problemText['invalid-request'] });
  });

  it('makes an exact sentence of the figures', () => {
    const words = problemWords({ ...full, type: '/problems/law-module', errors: [], detail: 'x', numbers: { wanted: 1200, limit: 1000 } }, i18next.t);
    expect(words.sentence).toContain('1,200대');
    expect(words.sentence).toContain('1,000대');
  });

  it('knows what the server says about one case', () => {
    const words = problemWords({ ...full, type: '/problems/in-use', errors: [], detail: 'it is used by desktop pool-1-7, which is assigned' }, i18next.t);
    expect(words.sentence).toBe('쓰고 있는 것: 데스크톱 pool-1-7');
  });

  it('says that a refusal without words is one', () => {
    expect(problemWords({ ...full, type: '/problems/http-413', errors: [], detail: '' }, i18next.t)).toMatchObject({ title: '서버가 요청을 거절했습니다 (HTTP 413)', sentence: ko.problemText.http });
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
