import { FormSelect, FormSelectOption } from '@patternfly/react-core';
import { useEffect, useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { SearchInput } from '../pf/SearchInput';

interface SelectFilterProps {
  label: string;
  value: string | undefined;
  options: readonly (readonly [value: string, text: string])[];
  /** Of the choice that filters nothing. */
  none?: string;
  onChange: (value: string) => void;
}

export function SelectFilter({ label, value = '', options, none, onChange }: SelectFilterProps) {
  const { t } = useTranslation();
  const id = useId();
  // A linked filter may name something that is not among the first choices.
  const known = value === '' || options.some(([one]) => one === value);
  return (
    <label className="filter" htmlFor={id}>
      {label}
      <FormSelect id={id} value={value} onChange={(_, chosen) => onChange(chosen)}>
        <FormSelectOption value="" label={none ?? t('common.all')} />
        {!known && <FormSelectOption value={value} label={value} />}
        {options.map(([one, text]) => (
          <FormSelectOption key={one} value={one} label={text} />
        ))}
      </FormSelect>
    </label>
  );
}

const PAUSE = 300;

export function TextFilter({ label, value = '', onChange }: { label: string; value: string | undefined; onChange: (value: string) => void }) {
  const id = useId();
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  useEffect(() => {
    if (typed === value) return undefined;
    const timer = setTimeout(() => onChange(typed.trim()), PAUSE);
    return () => clearTimeout(timer);
  }, [typed, value, onChange]);
  return (
    <label className="filter" htmlFor={id}>
      {label}
      <SearchInput searchInputId={id} value={typed} onChange={(_, text) => setTyped(text)} onClear={() => onChange('')} aria-label={label} />
    </label>
  );
}
