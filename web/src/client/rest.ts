// The few REST calls of the desktop client. A ticket, and the session's end, are asked for at the module
// that gave the session (so it works while the CCC is away), then at the page's own server; the resume
// secret is their authority, since who works for long makes no other call and her sign-in runs out.
import { ApiProblem, problemFrom, unreachable } from '../api/problem';
import type { Connection, Me, Operation, Ticket } from '../api/types';

export type Opened =
  | { kind: 'connection'; connection: Connection }
  | { kind: 'operation'; operation: Operation };

async function send(method: string, url: string, headers: HeadersInit, body?: unknown): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(url, {
      method,
      headers: body === undefined ? headers : { ...headers, 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: 'no-store',
      signal: AbortSignal.timeout(12_000),
    });
  } catch {
    throw unreachable('');
  }
  if (!answer.ok) throw await problemFrom(answer);
  return answer;
}

async function csrf(): Promise<string> {
  const me = (await (await send('GET', '/api/v1/me', {})).json()) as Me;
  return me.csrf;
}

export async function openConnection(poolId: string): Promise<Opened> {
  const headers = { 'X-CSRF-Token': await csrf() };
  const answer = await send('POST', '/api/v1/connections', headers, { pool_id: poolId });
  if (answer.status === 202) return { kind: 'operation', operation: (await answer.json()) as Operation };
  return { kind: 'connection', connection: (await answer.json()) as Connection };
}

/** Only silence leads to the next server: an answer is one, wherever it comes from. */
async function byResume(connection: Connection, what: 'tickets' | 'end'): Promise<Response> {
  const path = `/connections/${connection.id}/${what}`;
  const own = new URL('/api/v1', window.location.href).href;
  const bases = [...new Set([connection.login.replace(/\/$/, ''), own])];
  let failure = unreachable('');
  for (const base of bases) {
    try {
      return await send('POST', base + path, {}, { resume: connection.resume });
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      failure = error;
      if (!error.isUnreachable) break;
    }
  }
  throw failure;
}

export async function newTicket(connection: Connection): Promise<Ticket> {
  return (await (await byResume(connection, 'tickets')).json()) as Ticket;
}

/** A session that has ended, or that nobody remembers, is what was asked for. */
export async function endSession(connection: Connection): Promise<void> {
  try {
    await byResume(connection, 'end');
  } catch (error) {
    if (!(error instanceof ApiProblem) || (error.status !== 410 && error.status !== 404)) throw error;
  }
}
