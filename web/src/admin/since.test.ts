import { expect, it } from 'vitest';
import { LAST_DAY, sinceOf, SPANS } from './since';

it('says when a span of time began', () => {
  const now = Date.parse('2026-03-02T10:20:30.456Z');
  expect(sinceOf(LAST_DAY, now)).toBe('2026-03-01T10:20:00Z');
  expect(SPANS.map((span) => sinceOf(span, now))).not.toContain(undefined);
  expect([sinceOf(undefined), sinceOf('for ever')]).toEqual([undefined, undefined]);
});
