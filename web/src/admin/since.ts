// Spans of time that a list's address names, so that a link to it keeps its meaning.
export const LAST_DAY = '24h';
export const SPANS = [LAST_DAY, '7d'] as const;

const HOUR = 3_600_000;
const HOURS: Record<string, number> = { [LAST_DAY]: 24, '7d': 7 * 24 };

/** When the span began, as the server wants it; to the minute. */
export function sinceOf(span: string | undefined, now = Date.now()): string | undefined {
  const hours = HOURS[span ?? ''];
  if (!hours) return undefined;
  const start = Math.floor((now - hours * HOUR) / 60_000) * 60_000;
  return new Date(start).toISOString().replace(/\.\d+Z$/, 'Z');
}
