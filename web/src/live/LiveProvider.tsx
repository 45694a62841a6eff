// Keeps what is on the page fresh, and knows how fresh: pushed changes, else polling; the time of
// the last good answer, and whether the server answers at all.
import { useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { onAnswer } from '../api/call';
import { CacheRefresher } from './cache';
import { type FeedStatus, startFeed } from './feed';
import { type Answers, heard } from './silence';

export interface Liveness extends Answers {
  feed: FeedStatus;
  /** Milliseconds between polls, or false when changes are pushed. */
  poll: number | false;
}

const LiveContext = createContext<Liveness>({ feed: 'starting', poll: false, silence: null, lastAnswer: 0 });
const POLL = 5_000;

export function useLive(): Liveness {
  return useContext(LiveContext);
}

interface LiveProviderProps {
  /** The server of this page has a stream of changes. */
  hasEvents: boolean;
  /** Nobody is signed in at the moment. */
  isPaused?: boolean;
  children: ReactNode;
}

export function LiveProvider({ hasEvents, isPaused = false, children }: LiveProviderProps) {
  const client = useQueryClient();
  const [pushed, setPushed] = useState<FeedStatus>('starting');
  const feed = hasEvents ? pushed : 'polling';
  const [answers, setAnswers] = useState<Answers>(() => ({ silence: null, lastAnswer: Date.now() }));

  useEffect(() => {
    if (!hasEvents || isPaused) return undefined;
    const refresher = new CacheRefresher(client);
    return startFeed({
      changed: (event) => refresher.changed(event),
      reread: () => refresher.reread(),
      status: setPushed,
    });
  }, [client, hasEvents, isPaused]);

  useEffect(
    () =>
      onAnswer((problem, method) => {
        setAnswers((before) => heard(before, problem, method, Date.now()));
      }),
    [],
  );

  const value = useMemo<Liveness>(
    () => ({ feed, ...answers, poll: feed === 'polling' || feed === 'lost' || answers.silence ? POLL : false }),
    [feed, answers],
  );
  return <LiveContext.Provider value={value}>{children}</LiveContext.Provider>;
}
