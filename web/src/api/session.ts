// Who is signed in. The cookie carries the session; here are only who it is, when it ends, and the
// modules' own log-in addresses, kept for the day the CCC does not answer.
import { call, setCsrf } from './call';
import type { Me, ModuleLogin } from './types';

const MODULES = 'bic.modules';
/** A mark beside the cookie (which scripts cannot see): without it nobody asks who is signed in. */
const MARK = 'bic.signed-in';

export function mayBeSignedIn(): boolean {
  return localStorage.getItem(MARK) !== null;
}

export function markSignedOut(): void {
  localStorage.removeItem(MARK);
}

function keepModules(modules: ModuleLogin[]): void {
  localStorage.setItem(MODULES, JSON.stringify(modules));
}

/** Portals of the modules, without the one this page came from. */
export function otherPortals(): { name: string; url: string }[] {
  let modules: ModuleLogin[] = [];
  try {
    modules = JSON.parse(localStorage.getItem(MODULES) ?? '[]') as ModuleLogin[];
  } catch {
    return [];
  }
  return modules.flatMap((module) => {
    const url = originOf(module.login);
    return url && url !== window.location.origin ? [{ name: module.name, url }] : [];
  });
}

export function originOf(login: string): string | null {
  try {
    const { origin, protocol } = new URL(login);
    return protocol === 'http:' || protocol === 'https:' ? origin : null;
  } catch {
    return null;
  }
}

export async function readMe(): Promise<Me> {
  const me = await call('get', '/me');
  setCsrf(me.csrf);
  keepModules(me.modules);
  localStorage.setItem(MARK, '1');
  return me;
}

export async function signIn(username: string, password: string): Promise<Me> {
  const session = await call('post', '/sessions', { body: { username, password } });
  setCsrf(session.csrf);
  keepModules(session.modules);
  return readMe();
}

export async function signOut(): Promise<void> {
  await call('delete', '/sessions/current');
  markSignedOut();
  setCsrf('');
}
