import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import type { User } from '../api/types';
import { SelectField, TextField } from '../form/fields';
import { FormDialog } from '../form/FormDialog';
import { useWrite } from '../shell/useWrite';

export function UserDialog({ before, onClose }: { before: User | null; onClose: () => void }) {
  const { t } = useTranslation();
  const [username, setUsername] = useState(before?.username ?? '');
  const [displayName, setDisplayName] = useState(before?.display_name ?? '');
  const [role, setRole] = useState<User['role']>(before?.role ?? 'user');
  const [locale, setLocale] = useState(before?.locale ?? '');
  const [password, setPassword] = useState('');
  const save = useWrite({
    kinds: ['user'],
    isQuiet: true,
    write: () => {
      const body = { display_name: displayName.trim(), role, locale: locale || null, ...(password ? { password } : {}) };
      return before
        ? call('patch', '/users/{id}', { path: { id: before.id }, generation: before.generation, body })
        : call('post', '/users', { body: { ...body, username, password } });
    },
    done: () => t('form.saved', { name: username }),
    onDone: onClose,
  });
  return (
    <FormDialog title={before ? before.username : t('users.new')} submit={before ? t('common.save') : t('common.create')} error={save.error} isBusy={save.isPending} onSubmit={() => save.mutate(undefined)} onClose={onClose}>
      <TextField name="username" label={t('users.username')} hint={t('users.usernameHint')} value={username} onChange={setUsername} maxLength={32} pattern="[a-z0-9][a-z0-9._\-]{0,31}" isRequired isDisabled={before !== null} />
      <TextField name="display_name" label={t('users.displayName')} value={displayName} onChange={setDisplayName} />
      <TextField
        name="password"
        label={before ? t('users.newPassword') : t('login.password')}
        hint={before ? t('users.newPasswordHint') : t('users.passwordHint')}
        value={password}
        onChange={setPassword}
        type="password"
        autoComplete="new-password"
        minLength={8}
        maxLength={128}
        isRequired={before === null}
      />
      <SelectField
        name="role"
        label={t('users.role')}
        value={role}
        options={[
          ['user', t('role.user')],
          ['admin', t('role.admin')],
        ]}
        onChange={(value) => setRole(value as User['role'])}
      />
      <SelectField
        name="locale"
        label={t('frame.language')}
        value={locale}
        options={[
          ['', t('users.localeNone')],
          ['ko', '한국어'],
          ['en', 'English'],
        ]}
        onChange={setLocale}
      />
    </FormDialog>
  );
}
