// Titles of problems alone, for the desktop's page, which has no i18next.
import { problem as en } from '../i18n/en/problems.json';
import { problem as ko } from '../i18n/ko/problems.json';
import { currentLanguage } from '../i18n/language';

export function titleOf(slug: string): string | undefined {
  const titles: Record<string, string> = currentLanguage() === 'ko' ? ko : en;
  return titles[slug];
}
