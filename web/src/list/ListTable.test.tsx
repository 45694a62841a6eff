// @vitest-environment jsdom
import { screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { unreachable } from '../api/problem';
import { show } from '../testing/page';
import { ListTable } from './ListTable';
import type { List } from './useList';

const nothing = () => undefined;
const list: List<string> = { items: ['one'], asOf: undefined, error: null, isFirstLoad: false, isFetching: false, page: 1, hasNext: false, next: nothing, previous: nothing, refetch: nothing };
const table = (part: Partial<List<string>>) => show(<ListTable label="Things" list={{ ...list, ...part }} columns={[{ title: 'Name', cell: (row) => row }]} keyOf={(row) => row} empty="none" />);

describe('a list', () => {
  it('that cannot be read again keeps its rows, and says so', () => {
    table({ error: unreachable('') });
    expect(screen.getByText('one')).toBeTruthy();
    expect(document.querySelector('.problem')).not.toBeNull();
  });

  it('that is fresh says nothing', () => {
    table({});
    expect(document.querySelector('.problem')).toBeNull();
  });
});
