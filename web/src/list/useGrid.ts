// A list of any length for a window on it: the pages in view are held and kept fresh, the rest is
// only known by where it begins (chain.ts).
import { keepPreviousData, useQueries } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { Page } from '../api/types';
import { useLive } from '../live/LiveProvider';
import { type Chain, learn, PAGE_SIZE, pagesOf, rowsOf, type Span, START } from './chain';
import { type ListQuery, REFRESH } from './useList';

export interface CountedPage<T> extends Page<T> {
  /** Of the first page: how many there are; null: more than are counted. */
  total?: number | null;
}

export interface Grid<T> {
  /** Rows to scroll through as far as they are known. */
  rows: number;
  total: number | null;
  /** undefined: not read yet. */
  rowAt(index: number): T | undefined;
  error: unknown;
  isFirstLoad: boolean;
  asOf: string | undefined;
  refetch(): void;
}

interface GridSource<T> {
  kind: string;
  filters: Record<string, string | undefined>;
  read: (query: ListQuery) => Promise<CountedPage<T>>;
  span: Span;
}

/** What has left the window is dropped after this time. */
const KEEP = 5_000;

export function useGrid<T>({ kind, filters, read, span }: GridSource<T>): Grid<T> {
  const { poll } = useLive();
  const about = JSON.stringify(filters);
  const [state, setState] = useState<{ about: string; chain: Chain }>({ about, chain: START });
  const chain = state.about === about ? state.chain : START;
  const pages = pagesOf(span, chain);
  const results = useQueries({
    queries: pages.map((page) => {
      const cursor = chain.cursors[page] ?? null;
      return {
        queryKey: [kind, 'list', 'grid', about, cursor],
        queryFn: () => read({ limit: PAGE_SIZE, ...(cursor ? { cursor } : {}) }),
        placeholderData: keepPreviousData,
        refetchInterval: poll || REFRESH,
        gcTime: KEEP,
      };
    }),
  });
  let known = chain;
  results.forEach(({ data, isPlaceholderData }, at) => {
    if (data && !isPlaceholderData) known = learn(known, pages[at] ?? 0, data.next, data.items.length);
  });
  useEffect(() => {
    if (known !== chain || state.about !== about) setState({ about, chain: known });
  }, [known, chain, about, state.about]);
  const first = results[0];
  return {
    rows: rowsOf(known),
    total: first?.data?.total ?? null,
    rowAt: (index) => results[pages.indexOf(Math.floor(index / PAGE_SIZE))]?.data?.items[index % PAGE_SIZE],
    error: results.find(({ error }) => error)?.error ?? null,
    isFirstLoad: first?.isPending ?? true,
    asOf: first?.data?.as_of,
    refetch: () => results.forEach((result) => void result.refetch()),
  };
}
