// Every failure a page can show is an ApiProblem: the server's problem document (RFC 9457),
// or one made here when no server answered.
import type { Problem } from './types';

/** The server is there and cannot tell anything; http-…: a proxy speaks for one that is not there. */
const SILENT = new Set(['db-unavailable', 'not-ready', 'http-502', 'http-503', 'http-504']);

export class ApiProblem extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail || problem.title);
    this.name = 'ApiProblem';
    this.problem = problem;
  }

  get slug(): string {
    return slugOf(this.problem);
  }

  get status(): number {
    return this.problem.status;
  }

  /** Nobody answered at all, as against an answer that says no. */
  get isUnreachable(): boolean {
    return this.problem.status === 0;
  }

  /** As good as no answer. One module that is too slow (peer-timeout) is not that. */
  get isSilence(): boolean {
    return this.isUnreachable || SILENT.has(this.slug);
  }
}

export function slugOf(problem: Problem): string {
  return problem.type.replace(/^.*\//, '');
}

/** This server cannot do it now; another portal may. */
export function isAway(problem: Problem): boolean {
  return problem.status === 0 || problem.status === 503;
}

/** The number a person gives to support. */
export function traceOf(problem: Problem): string {
  return problem.instance.replace(/^urn:trace:/, '');
}

/** Status 0 is ours alone: no server sends it. */
export function unreachable(detail: string): ApiProblem {
  return new ApiProblem({
    type: '/problems/unreachable',
    title: 'No answer',
    status: 0,
    detail,
    instance: '',
    origin: 'browser',
    retryable: true,
  });
}

export function asProblem(error: unknown): Problem {
  if (error instanceof ApiProblem) return error.problem;
  return unreachable(error instanceof Error ? error.message : String(error)).problem;
}

interface FailedAnswer {
  status: number;
  statusText: string;
  trace: string | null;
  body: string;
}

/** Reads a failed answer; one that is no problem document (a proxy's page, say) still gets words. */
export function problemOf({ status, statusText, trace, body: text }: FailedAnswer): ApiProblem {
  const fallback: Problem = {
    type: `/problems/http-${status}`,
    title: `HTTP ${status}`,
    status,
    detail: statusText,
    instance: trace ? `urn:trace:${trace}` : '',
    origin: '',
    retryable: status >= 500,
  };
  try {
    const body: unknown = JSON.parse(text);
    if (body && typeof body === 'object' && 'type' in body) {
      return new ApiProblem({ ...fallback, ...(body as Partial<Problem>) });
    }
  } catch {
    // Not JSON: the fallback says what is known.
  }
  return new ApiProblem(fallback);
}

export async function problemFrom(answer: Response): Promise<ApiProblem> {
  const { status, statusText, headers } = answer;
  return problemOf({ status, statusText, trace: headers.get('X-Request-Id'), body: await answer.text().catch(() => '') });
}
