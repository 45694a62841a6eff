import { describe, expect, it } from 'vitest';
import { ApiProblem, unreachable } from '../api/problem';
import { type Answers, heard } from './silence';

const problem = (status: number, slug: string) =>
  new ApiProblem({ type: `/problems/${slug}`, title: '', status, detail: '', instance: '', origin: '', retryable: true });
const before: Answers = { silence: null, lastAnswer: 1_000 };
const silent: Answers = { silence: 'no-data', lastAnswer: 1_000 };

describe('the server is silent', () => {
  it('when nobody answers, when it has no database, when it is not ready, when a proxy speaks for it', () => {
    expect(heard(before, unreachable(''), 'post', 9_000)).toEqual({ silence: 'unreachable', lastAnswer: 1_000 });
    for (const [status, slug] of [[503, 'db-unavailable'], [503, 'not-ready'], [502, 'http-502'], [504, 'http-504']] as const)
      expect(heard(before, problem(status, slug), 'get', 9_000)).toEqual({ silence: 'no-data', lastAnswer: 1_000 });
  });

  it('not when one module is too slow, or a desktop is being changed', () => {
    expect(heard(before, problem(504, 'peer-timeout'), 'get', 9_000)).toEqual({ silence: null, lastAnswer: 9_000 });
    expect(heard(before, problem(503, 'not-ready'), 'post', 9_000)).toBe(before);
    expect(heard(before, problem(503, 'overloaded'), 'get', 9_000)).toEqual({ silence: null, lastAnswer: 9_000 });
  });

  it('until an answer says something; a refused write says nothing', () => {
    expect(heard(silent, problem(503, 'db-unavailable'), 'post', 9_000)).toBe(silent);
    expect(heard(silent, null, 'get', 1_500)).toEqual({ silence: null, lastAnswer: 1_500 });
    expect(heard(silent, problem(404, 'not-found'), 'get', 9_000)).toEqual({ silence: null, lastAnswer: 9_000 });
  });
});
