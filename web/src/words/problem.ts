// A problem as a person reads it: a title in her language where the slug is known, what the server
// says about this case, and the number support asks for.
import type { TFunction } from 'i18next';
import { slugOf, traceOf } from '../api/problem';
import type { Problem } from '../api/types';

export interface ProblemWords {
  title: string;
  detail: string;
  fields: string[];
  trace: string;
}

export function problemWords(problem: Problem, t: TFunction): ProblemWords {
  const title = t(`problem.${slugOf(problem)}`, { defaultValue: problem.title });
  const fields = (problem.errors ?? []).map(({ pointer, message }) => `${pointer.replace(/^\//, '')}: ${message}`);
  return {
    title,
    detail: problem.detail === title ? '' : problem.detail,
    fields,
    trace: traceOf(problem),
  };
}
