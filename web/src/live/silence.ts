// Whether the server of this page says anything, from its answers.
import type { Method } from '../api/call';
import type { ApiProblem } from '../api/problem';

export interface Answers {
  /** unreachable: no answer at all; no-data: it cannot read its database. */
  silence: 'unreachable' | 'no-data' | null;
  /** Of the last answer that said something. */
  lastAnswer: number;
}

/** Once a second is exact enough, and spares the page a render per answer. */
const EXACT = 1000;

export function heard(before: Answers, problem: ApiProblem | null, method: Method, now: number): Answers {
  if (problem?.isSilence) {
    // Reads are answered by this server itself; a write may have been refused by the module that it concerned.
    if (!problem.isUnreachable && method !== 'get') return before;
    const silence = problem.isUnreachable ? 'unreachable' : 'no-data';
    return before.silence === silence ? before : { ...before, silence };
  }
  if (!before.silence && now - before.lastAnswer < EXACT) return before;
  return { silence: null, lastAnswer: now };
}
