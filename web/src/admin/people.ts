// People are too many to be read as a whole: they are asked for by part of a name, and by id.
import { keepPreviousData, useQueries, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { call } from '../api/call';
import type { User } from '../api/types';

const PAUSE = 250;
const ASKED = 50;

export function personWords({ display_name, username }: User): string {
  return display_name ? `${display_name} (${username})` : username;
}

/** What was typed, once the fingers rest. */
function useRested(text: string): string {
  const [rested, setRested] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setRested(text), PAUSE);
    return () => clearTimeout(timer);
  }, [text]);
  return rested;
}

export interface Found {
  users: User[];
  /** There are more than were read. */
  hasMore: boolean;
  isAsking: boolean;
  error: unknown;
}

export function usePeopleSearch(typed: string): Found {
  const wanted = typed.trim().slice(0, 64);
  const q = useRested(wanted);
  const query = useQuery({
    queryKey: ['user', 'list', 'search', q],
    queryFn: () => call('get', '/users', { query: { q, limit: ASKED } }),
    enabled: q !== '' && wanted !== '',
    placeholderData: keepPreviousData,
  });
  const answer = wanted ? query.data : undefined;
  return { users: answer?.items ?? [], hasMore: Boolean(answer?.next), isAsking: wanted !== '' && (q !== wanted || query.isFetching), error: wanted ? query.error : null };
}

/** The people of these ids, as far as they have been read. */
export function usePeople(ids: readonly (string | null | undefined)[]): Map<string, User> {
  const wanted = [...new Set(ids.filter((id): id is string => Boolean(id)))];
  const answers = useQueries({
    queries: wanted.map((id) => ({
      queryKey: ['user', 'one', id],
      queryFn: () => call('get', '/users/{id}', { path: { id } }),
      staleTime: 60_000,
    })),
  });
  return new Map(answers.flatMap(({ data }) => (data ? [[data.id, data] as const] : [])));
}
