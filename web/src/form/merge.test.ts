import { describe, expect, it } from 'vitest';
import { isSame, mergeDraft } from './merge';

const opened = { name: 'Office', description: 'old', spares: 1, shares: { a: 5, b: 1 } };

describe('two people at one form', () => {
  it('takes over what only the other one changed, keeps what was entered, and tells both', () => {
    const now = { ...opened, name: 'Office 2', description: 'theirs' };
    const mine = { ...opened, description: 'mine', spares: 3 };
    expect(mergeDraft(opened, now, mine)).toEqual({
      draft: { ...opened, name: 'Office 2', description: 'mine', spares: 3 },
      meanwhile: [
        { name: 'name', value: 'Office 2', isTaken: true },
        { name: 'description', value: 'theirs', isTaken: false },
      ],
    });
  });

  it('sees no change in what is equal by content', () => {
    expect(mergeDraft(opened, { ...opened, shares: { b: 1, a: 5 } }, opened).meanwhile).toEqual([]);
    expect([isSame({ a: 1 }, { a: 1, b: 2 }), isSame(null, 0), isSame([1], [1])]).toEqual([false, false, true]);
  });

  it('has no quarrel when both made the same change', () => {
    const now = { ...opened, name: 'Same' };
    expect(mergeDraft(opened, now, { ...opened, name: 'Same' }).meanwhile).toEqual([{ name: 'name', value: 'Same', isTaken: true }]);
  });
});
