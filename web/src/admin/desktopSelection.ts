// Desktops that an administrator has marked, and the filter that the server understands. Plain data.
import type { Desktop, DesktopFilter, DesktopState } from '../api/types';

/** The most that one order may name (docs/rest.md). */
export const MOST = 2000;

export type Marked = ReadonlyMap<string, string>;

export function mark(marked: Marked, { id, name }: Pick<Desktop, 'id' | 'name'>, on: boolean): Marked {
  const next = new Map(marked);
  if (on && next.size < MOST) next.set(id, name);
  else next.delete(id);
  return next;
}

export const FILTERS = ['state', 'pool_id', 'person_id', 'bserver_id', 'module_id', 'q'] as const;
export type FilterValues = Partial<Record<(typeof FILTERS)[number] | 'sort', string>>;

/** null: nothing is filtered, and nobody means all by saying nothing. */
export function filterOf(values: FilterValues): DesktopFilter | null {
  const filter: DesktopFilter = {};
  for (const name of FILTERS) {
    const value = values[name];
    if (!value) continue;
    if (name === 'state') filter.state = value as DesktopState;
    else filter[name] = value;
  }
  return Object.keys(filter).length > 0 ? filter : null;
}

export function sameFilter(a: DesktopFilter | null, b: DesktopFilter): boolean {
  return a !== null && FILTERS.every((name) => (a[name] ?? '') === (b[name] ?? ''));
}

/** Why all that match cannot be taken; null: they can. */
export function whyNotAll(filter: DesktopFilter | null, total: number | null): 'noFilter' | 'tooMany' | 'none' | null {
  if (!filter) return 'noFilter';
  if (total === null || total > MOST) return 'tooMany';
  return total === 0 ? 'none' : null;
}

/** Refused items, the most frequent reason first. */
export function reasonsOf(items: readonly { name: string; outcome: string; slug: string | null }[]): { slug: string; names: string[] }[] {
  const by = new Map<string, string[]>();
  for (const { name, outcome, slug } of items) {
    if (outcome === 'refused' && slug) by.set(slug, [...(by.get(slug) ?? []), name]);
  }
  return [...by].map(([slug, names]) => ({ slug, names })).sort((a, b) => b.names.length - a.names.length);
}
