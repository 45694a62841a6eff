// The client's own words, without the portal's i18next: the page stays small.
import en from '../i18n/en/client.json';
import ko from '../i18n/ko/client.json';
import { currentLanguage } from '../i18n/language';

const words: Record<string, string> = currentLanguage() === 'ko' ? ko : en;

export function t(key: keyof typeof en, values: Record<string, string | number> = {}): string {
  return (words[key] ?? key).replace(/\{\{(\w+)\}\}/g, (_, name: string) => String(values[name] ?? ''));
}
