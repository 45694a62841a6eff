// Words of the portal and of administration.
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import enAdmin from './en/admin.json';
import enCommon from './en/common.json';
import enPortal from './en/portal.json';
import enProblems from './en/problems.json';
import koAdmin from './ko/admin.json';
import koCommon from './ko/common.json';
import koPortal from './ko/portal.json';
import koProblems from './ko/problems.json';
import { chooseLanguage, currentLanguage, type Language } from './language';

export async function startI18n(): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: currentLanguage(),
    fallbackLng: 'en',
    interpolation: { escapeValue: false },
    resources: {
      en: { translation: { ...enCommon, ...enPortal, ...enAdmin, ...enProblems } },
      ko: { translation: { ...koCommon, ...koPortal, ...koAdmin, ...koProblems } },
    },
  });
  document.documentElement.lang = i18next.language;
  i18next.on('languageChanged', (language) => {
    document.documentElement.lang = language;
  });
}

export function switchLanguage(language: Language): void {
  chooseLanguage(language);
  void i18next.changeLanguage(language);
}
