// Times and amounts as the reader's language writes them.
export function formatTime(iso: string | null | undefined, language: string): string {
  if (!iso) return '–';
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(iso));
}

export function formatClock(time: number | string, language: string): string {
  return new Intl.DateTimeFormat(language, { timeStyle: 'medium' }).format(new Date(time));
}

const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** "3 minutes ago"; below a minute in seconds. */
export function formatAge(iso: string | number, language: string, now = Date.now()): string {
  const seconds = Math.round((new Date(iso).getTime() - now) / 1000);
  const format = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit);
  }
  return format.format(seconds, 'second');
}

export function formatNumber(value: number, language: string): string {
  return new Intl.NumberFormat(language).format(value);
}

const BYTES = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

export function formatBytes(bytes: number, language: string): string {
  let value = bytes;
  let step = 0;
  while (value >= 1000 && step < BYTES.length - 1) {
    value /= 1000;
    step += 1;
  }
  const digits = value < 10 && step > 0 ? 1 : 0;
  return new Intl.NumberFormat(language, { style: 'unit', unit: BYTES[step], maximumFractionDigits: digits }).format(value);
}

export function formatMib(mib: number, language: string): string {
  const gib = mib / 1024;
  const text = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  return gib >= 1 ? `${text.format(gib)} GiB` : `${text.format(mib)} MiB`;
}

/** Requests per second: three decimals where they matter. */
export function formatRate(rate: number, language: string): string {
  return new Intl.NumberFormat(language, { maximumFractionDigits: rate < 100 ? 3 : 1 }).format(rate);
}
