// A list's filter by one person: who it is, or a search for her.
import { Button } from '@patternfly/react-core';
import { TimesIcon } from '@patternfly/react-icons';
import { useTranslation } from 'react-i18next';
import { PersonPicker } from './PersonPicker';
import { personWords, usePeople } from './people';

interface PersonFilterProps {
  label: string;
  value: string | undefined;
  onChange: (id: string) => void;
}

export function PersonFilter({ label, value, onChange }: PersonFilterProps) {
  const { t } = useTranslation();
  const person = usePeople([value]).get(value ?? '');
  if (!value) {
    return (
      <div className="filter person-filter">
        <PersonPicker label={label} onPick={(user) => onChange(user.id)} />
      </div>
    );
  }
  const name = person ? personWords(person) : value;
  return (
    <div className="filter person-filter" role="group" aria-label={label}>
      <span>{label}</span>
      <span className="person-chosen">
        <span>{name}</span>
        <Button variant="plain" size="sm" icon={<TimesIcon />} aria-label={t('picker.anybody', { label, name })} onClick={() => onChange('')} />
      </span>
    </div>
  );
}
