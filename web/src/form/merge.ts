// Two people changed the same thing. What only the other one changed is taken over; what both did
// stays as it was entered, and is told.

export interface Meanwhile {
  name: string;
  /** What the other person made of it. */
  value: unknown;
  /** It was not touched here, so it is in the form now. */
  isTaken: boolean;
}

/** By content; the order of members does not matter. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => isSame((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name]));
}

export interface Merged<D> {
  draft: D;
  meanwhile: Meanwhile[];
}

/** opened: as it was when the form was opened; now: as it is; mine: what the form holds. */
export function mergeDraft<D extends object>(opened: D, now: D, mine: D): Merged<D> {
  const draft = { ...mine };
  const meanwhile: Meanwhile[] = [];
  for (const name of Object.keys(opened) as (keyof D & string)[]) {
    if (isSame(opened[name], now[name])) continue;
    const isTaken = isSame(mine[name], opened[name]) || isSame(mine[name], now[name]);
    if (isTaken) draft[name] = now[name];
    meanwhile.push({ name, value: now[name], isTaken });
  }
  return { draft, meanwhile };
}
