// Finds a person by typing part of her name.
import { useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { User } from '../api/types';
import { SearchInput } from '../pf/SearchInput';
import { useUsers } from './choices';

const SHOWN = 8;

export function matchesPerson(user: User, text: string): boolean {
  const wanted = text.trim().toLocaleLowerCase();
  return user.username.includes(wanted) || user.display_name.toLocaleLowerCase().includes(wanted);
}

interface PersonPickerProps {
  label: string;
  isExcluded: (user: User) => boolean;
  onPick: (user: User) => void;
}

export function PersonPicker({ label, isExcluded, onPick }: PersonPickerProps) {
  const { t } = useTranslation();
  const id = useId();
  const users = useUsers();
  const [text, setText] = useState('');
  const found = text.trim() ? users.items.filter((user) => matchesPerson(user, text) && !isExcluded(user)) : [];
  return (
    <div className="picker">
      <label htmlFor={id}>{label}</label>
      <SearchInput searchInputId={id} value={text} aria-label={label} onChange={(_, value) => setText(value)} onClear={() => setText('')} />
      <ul className="picker-found" aria-label={t('picker.found')}>
        {found.slice(0, SHOWN).map((user) => (
          <li key={user.id}>
            <button
              type="button"
              onClick={() => {
                onPick(user);
                setText('');
              }}
            >
              {user.display_name} <span className="quiet">{user.username}</span>
            </button>
          </li>
        ))}
      </ul>
      <p className="quiet" role="status">
        {text.trim() && found.length === 0 ? t('picker.none') : ''}
        {found.length > SHOWN ? t('picker.more', { count: found.length - SHOWN }) : ''}
      </p>
    </div>
  );
}
