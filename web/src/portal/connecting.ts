// From "connect me" to a Connection: at once, or through an operation that is followed by long
// polls. A bCenter that keeps no operations for the browser is simply asked again.
import { callFull } from '../api/call';
import { ApiProblem } from '../api/problem';
import type { Connection, Operation } from '../api/types';

export type Wish = { desktop_id: string } | { pool_id: string };

export interface ConnectingPort {
  ask(wish: Wish): Promise<{ status: number; data: Connection | Operation }>;
  follow(id: string, wait: number): Promise<Operation>;
  sleep(ms: number): Promise<void>;
}

export interface Connecting {
  signal: AbortSignal;
  onOperation(operation: Operation): void;
}

const WAIT = 20;
const AGAIN = 3_000;
/** Answers that come back at once would make the long poll a busy loop. */
const LEAST = 400;
const ENDED = new Set(['succeeded', 'failed', 'cancelled']);

export function restPort(signal: AbortSignal): ConnectingPort {
  return {
    ask: (wish) => callFull('post', '/connections', { body: wish, signal }),
    follow: async (id, wait) => (await callFull('get', '/operations/{id}', { path: { id }, query: { wait }, signal })).data,
    sleep: (ms) => new Promise((done) => setTimeout(done, ms)),
  };
}

export async function connect(wish: Wish, port: ConnectingPort, run: Connecting): Promise<Connection> {
  for (;;) {
    run.signal.throwIfAborted();
    const answer = await port.ask(wish);
    if (answer.status !== 202) return answer.data as Connection;
    const operation = answer.data as Operation;
    run.onOperation(operation);
    const connection = await followToEnd(operation, port, run);
    if (connection) return connection;
    await port.sleep(AGAIN);
  }
}

/** Null when the operation cannot be read here, or ended without a Connection: ask again. */
async function followToEnd(first: Operation, port: ConnectingPort, run: Connecting): Promise<Connection | null> {
  let operation = first;
  while (!ENDED.has(operation.state)) {
    run.signal.throwIfAborted();
    try {
      [operation] = await Promise.all([port.follow(operation.id, WAIT), port.sleep(LEAST)]);
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      if (error.status === 404) return null;
      if (!error.problem.retryable) throw error;
      await port.sleep(AGAIN);
      continue;
    }
    run.onOperation(operation);
  }
  if (operation.state === 'succeeded') return operation.result ? (operation.result as unknown as Connection) : null;
  throw failureOf(operation);
}

export function failureOf(operation: Operation): ApiProblem {
  return new ApiProblem(
    operation.error ?? {
      type: `/problems/${operation.state}`,
      title: operation.state,
      status: 409,
      detail: '',
      instance: '',
      origin: '',
      retryable: true,
    },
  );
}
