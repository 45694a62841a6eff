// What only a person sees who is signed in. When her session ends all of it stays as it is, under the log-in, until she is
// back; for another person everything begins anew.
import { Fragment, type ReactNode } from 'react';
import type { Me } from '../api/types';
import { LoginPage } from '../portal/LoginPage';
import { Loading } from './Loading';
import { LoginAgain } from './LoginAgain';
import { useSession } from './session';

export function SessionGate({ children }: { children: (me: Me, isAway: boolean) => ReactNode }) {
  const { state } = useSession();
  if (state.status === 'loading') return <Loading />;
  const me = state.status === 'in' ? state.me : state.kept;
  if (!me) return <LoginPage />;
  const isAway = state.status === 'out';
  return (
    <>
      <Fragment key={me.id}>{children(me, isAway)}</Fragment>
      {isAway && <LoginAgain />}
    </>
  );
}
