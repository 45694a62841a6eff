import { expect, it } from 'vitest';
import { back, cursorOf, FIRST, forward, pageNumber } from './paging';

it('goes forward by the server’s cursors and back by memory', () => {
  const third = forward(forward(FIRST, 'a'), 'b');
  expect([cursorOf(third), pageNumber(third)]).toEqual(['b', 3]);
  expect(cursorOf(back(third))).toBe('a');
  expect(cursorOf(back(back(third)))).toBe('');
});

it('stays at the first and at the last page', () => {
  expect(back(FIRST)).toBe(FIRST);
  expect(forward(FIRST, null)).toBe(FIRST);
});
