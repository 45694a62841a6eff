// One page of a list, kept fresh, with the way back and forth.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Page } from '../api/types';
import { useLive } from '../live/LiveProvider';
import { back, cursorOf, FIRST, forward, pageNumber, type Paging } from './paging';

export interface ListQuery {
  limit: number;
  cursor?: string;
}

export interface ListSource<T> {
  /** Kind of thing, then what distinguishes this list: filters, sort. */
  kind: string;
  filters?: Record<string, string | undefined>;
  read: (query: ListQuery) => Promise<Page<T>>;
  limit?: number;
}

export interface List<T> {
  items: T[];
  asOf: string | undefined;
  error: unknown;
  isFirstLoad: boolean;
  isFetching: boolean;
  page: number;
  hasNext: boolean;
  next(): void;
  previous(): void;
  refetch(): void;
}

/** Numbers that drift without an event (load, last heard) are read again this often. */
export const REFRESH = 30_000;

export function useList<T>({ kind, filters = {}, read, limit = 50 }: ListSource<T>): List<T> {
  const { poll } = useLive();
  const about = JSON.stringify(filters);
  const [state, setState] = useState<{ about: string; paging: Paging }>({ about, paging: FIRST });
  // Other filters, other list: from its first page.
  const paging = state.about === about ? state.paging : FIRST;
  const cursor = cursorOf(paging);
  const query = useQuery({
    queryKey: [kind, 'list', about, limit, cursor],
    queryFn: () => read({ limit, ...(cursor ? { cursor } : {}) }),
    placeholderData: keepPreviousData,
    refetchInterval: poll || REFRESH,
  });
  const go = (paging: Paging) => setState({ about, paging });
  return {
    items: query.data?.items ?? [],
    asOf: query.data?.as_of,
    error: query.error,
    isFirstLoad: query.isPending,
    isFetching: query.isFetching,
    page: pageNumber(paging),
    hasNext: Boolean(query.data?.next),
    next: () => go(forward(paging, query.data?.next ?? null)),
    previous: () => go(back(paging)),
    refetch: () => void query.refetch(),
  };
}

/** A short list as a whole (its first 200), to choose from and to give ids their names. */
export function useChoices<T extends { id: string }>(kind: string, read: (query: ListQuery) => Promise<Page<T>>, enabled = true) {
  const { poll } = useLive();
  const query = useQuery({
    queryKey: [kind, 'list', 'choices'],
    queryFn: () => read({ limit: 200 }),
    refetchInterval: poll,
    staleTime: 30_000,
    enabled,
  });
  const items = query.data?.items ?? [];
  return { items, byId: new Map(items.map((item) => [item.id, item])), error: query.error, asOf: query.data?.as_of, isPending: query.isPending };
}
