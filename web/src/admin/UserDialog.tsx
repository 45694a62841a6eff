import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import type { User } from '../api/types';
import { SelectField, TextField } from '../form/fields';
import { FormDialog } from '../form/FormDialog';
import { useEdit } from '../form/useEdit';

const EMPTY = { username: '', display_name: '', role: 'user' as User['role'], locale: '', password: '' };

function draftOf({ username, display_name, role, locale }: User): typeof EMPTY {
  return { username, display_name, role, locale: locale ?? '', password: '' };
}

export function UserDialog({ before, onClose }: { before: User | null; onClose: () => void }) {
  const { t } = useTranslation();
  const edit = useEdit({
    before,
    empty: EMPTY,
    draftOf,
    read: ({ id }) => call('get', '/users/{id}', { path: { id } }),
    save: ({ username, display_name, role, locale, password }, base) => {
      const body = { display_name: display_name.trim(), role, locale: locale || null, ...(password ? { password } : {}) };
      return base
        ? call('patch', '/users/{id}', { path: { id: base.id }, generation: base.generation, body })
        : call('post', '/users', { body: { ...body, username, password } });
    },
    kinds: ['user'],
    done: ({ username }) => t('form.saved', { name: username }),
    onDone: onClose,
  });
  const { draft, change } = edit;
  return (
    <FormDialog {...edit} title={before ? before.username : t('users.new')} submit={before ? t('common.save') : t('common.create')} onSubmit={edit.save} onClose={onClose}>
      <TextField
        name="username"
        label={t('users.username')}
        hint={t('users.usernameHint')}
        value={draft.username}
        onChange={(username) => change({ username })}
        maxLength={32}
        pattern="[a-z0-9][a-z0-9._\-]{0,31}"
        isRequired
        isDisabled={before !== null}
      />
      <TextField name="display_name" label={t('users.displayName')} value={draft.display_name} onChange={(display_name) => change({ display_name })} />
      <TextField
        name="password"
        label={before ? t('users.newPassword') : t('login.password')}
        hint={before ? t('users.newPasswordHint') : t('users.passwordHint')}
        value={draft.password}
        onChange={(password) => change({ password })}
        type="password"
        autoComplete="new-password"
        minLength={8}
        maxLength={128}
        isRequired={before === null}
      />
      <SelectField
        name="role"
        label={t('users.role')}
        value={draft.role}
        options={[
          ['user', t('role.user')],
          ['admin', t('role.admin')],
        ]}
        onChange={(value) => change({ role: value as User['role'] })}
      />
      <SelectField
        name="locale"
        label={t('frame.language')}
        value={draft.locale}
        options={[
          ['', t('users.localeNone')],
          ['ko', '한국어'],
          ['en', 'English'],
        ]}
        onChange={(locale) => change({ locale })}
      />
    </FormDialog>
  );
}
