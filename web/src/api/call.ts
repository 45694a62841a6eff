// The one way to the REST interface, typed by the OpenAPI document. Same origin: the session is
// the cookie, the CSRF value lives in memory only.
import { ApiProblem, problemFrom, unreachable } from './problem';
import type { paths } from './schema';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';
type Operation<P extends keyof paths, M extends Method> = NonNullable<paths[P][M & keyof paths[P]]>;
type Json<R> = R extends { content: { 'application/json': infer J } } ? J : never;
type Answers<O> = O extends { responses: infer R } ? R : never;

export type Result<P extends keyof paths, M extends Method> = {
  [S in keyof Answers<Operation<P, M>>]: S extends 200 | 201 | 202
    ? Json<Answers<Operation<P, M>>[S]>
    : never;
}[keyof Answers<Operation<P, M>>];
export type Query<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { parameters: { query?: infer Q } } ? NonNullable<Q> : never;
export type Body<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { requestBody: { content: infer C } } ? C[keyof C] : never;

export interface CallOptions<P extends keyof paths, M extends Method> {
  path?: Record<string, string>;
  query?: Partial<Query<P, M>>;
  body?: Body<P, M>;
  /** The generation the caller has seen; becomes If-Match. */
  generation?: number;
  idempotencyKey?: string;
  signal?: AbortSignal;
}

export interface Answer<T> {
  data: T;
  status: number;
}

let csrf = '';
type Listener = (problem: ApiProblem | null, method: Method) => void;
const listeners = new Set<Listener>();

export function setCsrf(value: string): void {
  csrf = value;
}

export function csrfValue(): string {
  return csrf;
}

/** Told of every answer: null after a good one, the problem after a failed one. */
export function onAnswer(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(problem: ApiProblem | null, method: Method): void {
  for (const listener of listeners) listener(problem, method);
}

/** crypto.randomUUID exists on https and loopback only; an owner may serve plain http inside. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}

export function urlOf(
  template: string,
  path: Record<string, string> = {},
  query: Record<string, unknown> = {},
): string {
  const filled = template.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(path[name] ?? ''),
  );
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') search.set(name, String(value));
  }
  const text = search.toString();
  return `/api/v1${filled}${text ? `?${text}` : ''}`;
}

function headersOf(method: Method, options: CallOptions<keyof paths, Method>): Headers {
  const headers = new Headers({ Accept: 'application/json, application/problem+json' });
  if (method !== 'get' && csrf) headers.set('X-CSRF-Token', csrf);
  if (options.generation !== undefined) headers.set('If-Match', `"${options.generation}"`);
  if (options.body !== undefined) headers.set('Content-Type', 'application/json');
  if (method === 'post' && options.body !== undefined) {
    headers.set('Idempotency-Key', options.idempotencyKey ?? newKey());
  }
  return headers;
}

export async function callFull<M extends Method, P extends keyof paths>(
  method: M,
  template: P,
  options: CallOptions<P, M> = {},
): Promise<Answer<Result<P, M>>> {
  let answer: Response;
  try {
    answer = await fetch(urlOf(template, options.path, options.query as Record<string, unknown>), {
      method: method.toUpperCase(),
      headers: headersOf(method, options as CallOptions<keyof paths, Method>),
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      credentials: 'same-origin',
      cache: 'no-store',
      signal: options.signal,
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    // The browser's own words ("Failed to fetch") help nobody.
    const problem = unreachable('');
    tell(problem, method);
    throw problem;
  }
  if (!answer.ok) {
    const problem = await problemFrom(answer);
    tell(problem, method);
    throw problem;
  }
  tell(null, method);
  const text = await answer.text();
  const data = (text ? JSON.parse(text) : undefined) as Result<P, M>;
  return { data, status: answer.status };
}

export async function call<M extends Method, P extends keyof paths>(
  method: M,
  template: P,
  options: CallOptions<P, M> = {},
): Promise<Result<P, M>> {
  return (await callFull(method, template, options)).data;
}
