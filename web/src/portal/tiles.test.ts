import { expect, it } from 'vitest';
import type { Desktop, MyPool } from '../api/types';
import { startOf, tilesOf } from './tiles';

const desktop = (id: string, pool: string, name = id) => ({ id, name, pool_id: pool, pool_name: `Pool ${pool}` }) as Desktop;
const myPool = (id: string, name = id) => ({ id, name, image_name: 'Debian' }) as MyPool;

it('shows her desktops, and pools of which she has none', () => {
  const tiles = tilesOf([desktop('d1', 'p1')], [myPool('p1'), myPool('p2')]);
  expect(tiles.map(({ kind, id }) => [kind, id])).toEqual([
    ['pool', 'p2'],
    ['desktop', 'd1'],
  ]);
});

it('names a desktop by its pool, and two of one pool by their own names', () => {
  expect(tilesOf([desktop('d1', 'p1')], []).map(({ name }) => name)).toEqual(['Pool p1']);
  expect(tilesOf([desktop('d2', 'p1'), desktop('d1', 'p1')], []).map(({ name }) => name)).toEqual(['d1', 'd2']);
});

it('starts a floating desktop from its pool, a persistent one as itself', () => {
  expect(startOf({ ...desktop('d1', 'p1'), kind: 'floating' })).toBe('/start/p1');
  expect(startOf({ ...desktop('d1', 'p1'), kind: 'persistent' })).toBe('/start/d1');
});
