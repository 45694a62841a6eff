// What the home page shows: one tile per desktop of hers, and one per pool from which she could
// have one. A desktop of a pool hides that pool's own tile.
import type { Desktop, MyPool } from '../api/types';

export type Tile =
  | { kind: 'desktop'; id: string; name: string; desktop: Desktop }
  | { kind: 'pool'; id: string; name: string; pool: MyPool };

export function tilesOf(desktops: readonly Desktop[], pools: readonly MyPool[]): Tile[] {
  const taken = new Set(desktops.map((desktop) => desktop.pool_id));
  const perPool = new Map<string, number>();
  for (const desktop of desktops) perPool.set(desktop.pool_id, (perPool.get(desktop.pool_id) ?? 0) + 1);
  const own: Tile[] = desktops.map((desktop) => ({
    kind: 'desktop',
    id: desktop.id,
    // People know the pool's name; the desktop's own is needed only to tell two apart.
    name: (perPool.get(desktop.pool_id) ?? 0) > 1 ? desktop.name : desktop.pool_name,
    desktop,
  }));
  const free: Tile[] = pools
    .filter((pool) => !taken.has(pool.id))
    .map((pool) => ({ kind: 'pool', id: pool.id, name: pool.name, pool }));
  const order = new Intl.Collator('ko', { numeric: true });
  return [...own, ...free].sort((a, b) => order.compare(a.name, b.name) || a.id.localeCompare(b.id));
}

/** A floating desktop may have gone off since the page was drawn, and then be nobody's: its pool leads to it or to another. */
export function startOf(desktop: Desktop): string {
  return `/start/${desktop.kind === 'floating' ? desktop.pool_id : desktop.id}`;
}
