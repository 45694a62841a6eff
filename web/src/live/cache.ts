// What a change means for the queries on the page. Query keys begin with the kind of thing:
// ['desktop', 'list', …], ['desktop', 'one', id], …
import type { Query, QueryClient } from '@tanstack/react-query';
import type { ChangedEvent } from '../api/types';

/** Kinds whose lists show numbers of another kind. */
const ALSO: Record<string, readonly string[]> = {
  desktop: ['pool', 'module', 'bserver'],
  session: ['connection', 'desktop', 'module'],
  connection: ['desktop', 'module'],
  entitlement: ['pool'],
  group: ['pool'],
  image_version: ['image'],
};

export function kindsOf(event: ChangedEvent): string[] {
  return [event.kind, ...(ALSO[event.kind] ?? [])];
}

export function touches(queryKey: readonly unknown[], event: ChangedEvent): boolean {
  const [kind, shape, id] = queryKey;
  if (kind !== event.kind) return kindsOf(event).includes(String(kind)) && shape !== 'one';
  if (shape !== 'one' || event.ids.length === 0) return true;
  return event.ids.includes(String(id));
}

const PAUSE = 700;

/** Gathers changes for a moment, so that a boot storm is one reading per list, not one per desktop. */
export class CacheRefresher {
  private waiting: ChangedEvent[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly client: QueryClient) {}

  changed(event: ChangedEvent): void {
    this.waiting.push(event);
    this.timer ??= setTimeout(() => this.flush(), PAUSE);
  }

  reread(): void {
    void this.client.invalidateQueries();
  }

  private flush(): void {
    const events = this.waiting;
    this.waiting = [];
    this.timer = undefined;
    void this.client.invalidateQueries({
      predicate: (query: Query) => events.some((event) => touches(query.queryKey, event)),
    });
  }
}
