// A problem as a person reads it: title and sentence in her language by the slug and its numbers, and
// the number support asks for. What the server itself says is English, and for support.
import type { TFunction } from 'i18next';
import i18next from 'i18next';
import { slugOf, traceOf } from '../api/problem';
import type { Problem } from '../api/types';
import { saidIn } from './said';
import { formatNumber } from './time';

export interface ProblemWords {
  title: string;
  /** What it means here, and what to do. */
  sentence: string;
  /** What is wrong with members that no field on the page shows. */
  fields: string[];
  /** The server's own sentence, for support. */
  detail: string;
  trace: string;
}

const MADE_HERE = /^http-(\d+)$/;

export function problemTitle(slug: string, t: TFunction, otherwise: string): string {
  const status = MADE_HERE.exec(slug)?.[1];
  return status ? t('problem.http', { status }) : t(`problem.${slug}`, { defaultValue: otherwise });
}

/** With figures the sentence is exact; without, it says what such a refusal means. */
function sentenceOf(problem: Problem, t: TFunction): string {
  const slug = slugOf(problem);
  const numbers = problem.numbers ?? {};
  const values = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, formatNumber(Number(value), i18next.language)]));
  for (const name of Object.keys(numbers)) {
    const exact = t(`problemFigures.${slug}.${name}`, { ...values, defaultValue: '' });
    if (exact) return exact;
  }
  return t(`problemText.${MADE_HERE.test(slug) ? 'http' : slug}`, { defaultValue: '' });
}

/** What is wrong with one member: known words, else what the whole problem is about. */
export function messageWords(problem: Problem, message: string, t: TFunction): string {
  return saidIn(t, message) ?? (slugOf(problem) === 'invalid-request' ? t('said.general') : problemTitle(slugOf(problem), t, problem.title));
}

export function memberWords(pointer: string, t: TFunction): string {
  const names = pointer.split('/').filter((name) => name && !/^\d+$/.test(name));
  const last = names.at(-1) ?? '';
  return t(`member.${last}`, { defaultValue: last });
}

/** isShown: does a field on the page say what is wrong with this member? */
export function problemWords(problem: Problem, t: TFunction, isShown: (pointer: string) => boolean = () => false): ProblemWords {
  const title = problemTitle(slugOf(problem), t, problem.title);
  const errors = problem.errors ?? [];
  const about = errors.some(({ message }) => message === problem.detail) ? null : saidIn(t, problem.detail);
  const fields = errors.filter(({ pointer }) => !isShown(pointer)).map(({ pointer, message }) => `${memberWords(pointer, t)}: ${messageWords(problem, message, t)}`);
  return {
    title,
    sentence: about ?? sentenceOf(problem, t),
    fields: [...new Set(fields)],
    detail: problem.detail === title ? '' : problem.detail,
    trace: traceOf(problem),
  };
}

/** Why a desktop is as it is, in one sentence. */
export function reasonWords(reason: { slug: string; detail: string }, t: TFunction): string {
  return saidIn(t, reason.detail) ?? t(`problemText.${reason.slug}`, { defaultValue: '' });
}
