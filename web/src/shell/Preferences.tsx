// Language and theme, before and after log-in.
import { MenuToggle, Select, SelectList, SelectOption } from '@patternfly/react-core';
import { AdjustIcon, GlobeIcon } from '@patternfly/react-icons';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Language, LANGUAGES } from '../i18n/language';
import { switchLanguage } from '../i18n/portal';
import { chooseTheme, currentTheme, type Theme, THEMES } from './theme';

interface ChoiceProps<T extends string> {
  id: string;
  label: string;
  icon: ReactNode;
  options: readonly T[];
  text: (option: T) => string;
  value: T;
  onChoose: (option: T) => void;
}

function Choice<T extends string>({ id, label, icon, options, text, value, onChoose }: ChoiceProps<T>) {
  const [open, setOpen] = useState(false);
  return (
    <Select
      isOpen={open}
      selected={value}
      onOpenChange={setOpen}
      onSelect={(_, option) => {
        onChoose(option as T);
        setOpen(false);
      }}
      popperProps={{ position: 'right', appendTo: 'inline' }}
      toggle={(ref) => (
        <MenuToggle
          ref={ref}
          id={id}
          variant="plainText"
          icon={icon}
          isExpanded={open}
          aria-label={`${label}: ${text(value)}`}
          onClick={() => setOpen(!open)}
        >
          <span className="choice-text">{text(value)}</span>
        </MenuToggle>
      )}
    >
      <SelectList aria-label={label}>
        {options.map((option) => (
          <SelectOption key={option} value={option}>
            {text(option)}
          </SelectOption>
        ))}
      </SelectList>
    </Select>
  );
}

/** Each language names itself: a reader must find hers without reading the other. */
const NAMES: Record<Language, string> = { ko: '한국어', en: 'English' };

export function LanguageChoice() {
  const { t, i18n } = useTranslation();
  return (
    <Choice
      id="language"
      label={t('frame.language')}
      icon={<GlobeIcon />}
      options={LANGUAGES}
      text={(language) => NAMES[language]}
      value={i18n.language as Language}
      onChoose={switchLanguage}
    />
  );
}

export function ThemeChoice() {
  const { t } = useTranslation();
  const [theme, setTheme] = useState<Theme>(currentTheme);
  return (
    <Choice
      id="theme"
      label={t('frame.theme')}
      icon={<AdjustIcon />}
      options={THEMES}
      text={(option) => t(`theme.${option}`)}
      value={theme}
      onChoose={(chosen) => {
        chooseTheme(chosen);
        setTheme(chosen);
      }}
    />
  );
}
