// The session as the pages see it. Signing in or out in one tab is told to all, and a tab whose
// session ran out shows the log-in card at its own address: afterwards the person is where she was.
import { onlineManager, useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { onAnswer } from '../api/call';
import { ApiProblem } from '../api/problem';
import { markSignedOut, mayBeSignedIn, readMe, signIn, signOut } from '../api/session';
import type { Me } from '../api/types';
import { chosenLanguage, isLanguage } from '../i18n/language';

interface Out {
  status: 'out';
  expired: boolean;
  /** Why it is not known whether she is signed in: the server could not say. */
  failure: ApiProblem | null;
  /** Whose pages stay as they are until she is back: her session ended, she did not leave. */
  kept: Me | null;
}
type State = { status: 'loading' } | Out | { status: 'in'; me: Me };

interface Session {
  state: State;
  signIn(username: string, password: string): Promise<void>;
  signOut(): Promise<void>;
}

const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error('useSession outside of SessionProvider');
  return session;
}

/** For pages that are shown to signed-in people only. */
export function useMe(): Me {
  const { state } = useSession();
  const me = state.status === 'in' ? state.me : state.status === 'out' ? state.kept : null;
  if (!me) throw new Error('useMe without a session');
  return me;
}

const OUT: Out = { status: 'out', expired: false, failure: null, kept: null };
const AGAIN = 5_000;
/** Browsers run a longer timer at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

export function SessionProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const { i18n } = useTranslation();
  const [state, setState] = useState<State>({ status: 'loading' });
  const person = useRef<string | null>(null);
  const channel = useRef<BroadcastChannel | null>(null);

  const entered = useCallback(
    (me: Me) => {
      if (person.current && person.current !== me.id) client.clear();
      person.current = me.id;
      const short = me.locale?.slice(0, 2);
      if (!chosenLanguage() && isLanguage(short)) void i18n.changeLanguage(short);
      setState({ status: 'in', me });
    },
    [client, i18n],
  );
  const left = useCallback(() => {
    markSignedOut();
    setState((before) => {
      if (before.status === 'in') return { ...OUT, expired: true, kept: before.me };
      return before.status === 'out' && !before.failure ? before : OUT;
    });
  }, []);
  const drop = useCallback(() => {
    client.clear();
    setState(OUT);
  }, [client]);
  const check = useCallback(
    () =>
      readMe().then(entered, (error: unknown) => {
        // A server that cannot answer has not signed anybody out; before the first answer there is only the card.
        const failure = error instanceof ApiProblem && error.status !== 401 ? error : null;
        setState((before) => (before.status === 'loading' ? { ...OUT, failure } : before));
      }),
    [entered],
  );

  useEffect(() => {
    const opened = new BroadcastChannel('bic.session');
    channel.current = opened;
    opened.onmessage = ({ data }) => (data === 'out' ? drop() : void check());
    if (mayBeSignedIn()) void check();
    else setState(OUT);
    return () => opened.close();
  }, [check, drop]);

  useEffect(
    () =>
      onAnswer((problem) => {
        if (problem?.status === 401 && problem.slug !== 'bad-credentials') left();
      }),
    [left],
  );

  const expires = state.status === 'in' ? state.me.expires_at : null;
  useEffect(() => {
    if (!expires) return undefined;
    const wait = Math.min(Date.parse(expires) - Date.now() + 1000, LONGEST_TIMER);
    const timer = setTimeout(() => void check(), Math.max(wait, 30_000));
    return () => clearTimeout(timer);
  }, [expires, check]);

  // Kept pages ask for nothing that would be refused, and read everything again when she is back.
  const isKept = state.status === 'out' && state.kept !== null;
  useEffect(() => {
    if (!isKept) return undefined;
    onlineManager.setOnline(false);
    return () => onlineManager.setOnline(true);
  }, [isKept]);

  const isUnsure = state.status === 'out' && state.failure !== null;
  useEffect(() => {
    if (!isUnsure) return undefined;
    const timer = setInterval(() => void check(), AGAIN);
    return () => clearInterval(timer);
  }, [isUnsure, check]);

  const session = useMemo<Session>(
    () => ({
      state,
      async signIn(username, password) {
        entered(await signIn(username, password));
        channel.current?.postMessage('in');
      },
      async signOut() {
        await signOut();
        drop();
        channel.current?.postMessage('out');
      },
    }),
    [state, entered, drop],
  );
  return <SessionContext.Provider value={session}>{children}</SessionContext.Provider>;
}
