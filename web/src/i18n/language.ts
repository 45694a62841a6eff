// Which language: the person's choice on this browser, else the browser's own; Korean first.
export const LANGUAGES = ['ko', 'en'] as const;
export type Language = (typeof LANGUAGES)[number];

const KEY = 'bic.language';

export function isLanguage(value: unknown): value is Language {
  return (LANGUAGES as readonly unknown[]).includes(value);
}

export function chosenLanguage(): Language | null {
  const stored = localStorage.getItem(KEY);
  return isLanguage(stored) ? stored : null;
}

export function currentLanguage(preferred: readonly string[] = navigator.languages): Language {
  const chosen = chosenLanguage();
  if (chosen) return chosen;
  for (const tag of preferred) {
    const short = tag.slice(0, 2).toLowerCase();
    if (isLanguage(short)) return short;
  }
  return 'en';
}

export function chooseLanguage(language: Language): void {
  localStorage.setItem(KEY, language);
}
