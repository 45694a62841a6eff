// The few REST calls of the desktop client. A ticket is asked for at the module that gave the
// session (so it works while the CCC is away), then at the page's own server.
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

export async function endSession(connectionId: string): Promise<void> {
  await send('DELETE', `/api/v1/connections/${connectionId}`, { 'X-CSRF-Token': await csrf() });
}

export async function newTicket(connection: Connection): Promise<Ticket> {
  const path = `/connections/${connection.id}/tickets`;
  const own = new URL('/api/v1', window.location.href).href;
  const bases = [...new Set([connection.login.replace(/\/$/, ''), own])];
  let failure = unreachable('');
  for (const base of bases) {
    try {
      const answer = await send('POST', base + path, {}, { resume: connection.resume });
      return (await answer.json()) as Ticket;
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      failure = error;
      if (!error.isUnreachable) break;
    }
  }
  throw failure;
}
