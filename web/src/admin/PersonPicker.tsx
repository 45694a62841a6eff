// Finds a person by typing part of her name.
import { TextInput } from '@patternfly/react-core';
import { type KeyboardEvent, useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { User } from '../api/types';
import { useField } from '../form/errors';
import { FieldHelp } from '../form/fields';
import { ProblemNote } from '../shell/ProblemNote';
import { usePeopleSearch } from './people';

const SHOWN = 8;

interface PersonPickerProps {
  label: string;
  isExcluded?: (user: User) => boolean;
  onPick: (user: User) => void;
  /** Member of the form's body that it stands for. */
  name?: string;
}

export function PersonPicker({ label, isExcluded = () => false, onPick, name }: PersonPickerProps) {
  const { t } = useTranslation();
  const own = useId();
  const id = name ? `field-${name}` : own;
  const fault = useField({ path: `/${name ?? own}`, label, show: String });
  const [text, setText] = useState('');
  const { users, hasMore, isAsking, error } = usePeopleSearch(text);
  const found = users.filter((user) => !isExcluded(user));
  const pick = (user: User) => {
    onPick(user);
    setText('');
  };
  // Enter takes the first; it does not send the form that this field may be in.
  const enter = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.nativeEvent.isComposing) return;
    event.preventDefault();
    if (found[0] && !isAsking) pick(found[0]);
  };
  const rest = found.length - SHOWN;
  const more = rest > 0 ? t(hasMore ? 'picker.moreThan' : 'picker.more', { count: rest }) : '';
  return (
    <div className="picker">
      <label htmlFor={id}>{label}</label>
      <TextInput
        id={id}
        type="search"
        value={text}
        validated={fault ? 'error' : 'default'}
        autoComplete="off"
        maxLength={64}
        placeholder={t('picker.hint')}
        onChange={(_, value) => setText(value)}
        onKeyDown={enter}
        {...(fault && name ? { 'aria-describedby': `field-${name}-help` } : {})}
      />
      {name && <FieldHelp name={name} error={fault} />}
      <ul className="picker-found" aria-label={t('picker.found')} hidden={found.length === 0}>
        {found.slice(0, SHOWN).map((user) => (
          <li key={user.id}>
            <button type="button" onClick={() => pick(user)}>
              {user.display_name} <span className="quiet">{user.username}</span>
            </button>
          </li>
        ))}
      </ul>
      {error !== null && <ProblemNote error={error} />}
      <p className="quiet picker-status" role="status">
        {isAsking ? t('picker.asking') : text.trim() && found.length === 0 ? t('picker.none') : more}
      </p>
    </div>
  );
}
