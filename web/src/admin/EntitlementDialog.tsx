import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import type { User } from '../api/types';
import { SelectField } from '../form/fields';
import { FormDialog } from '../form/FormDialog';
import { useWrite } from '../shell/useWrite';
import { useGroups, usePools } from './choices';
import { PersonPicker } from './PersonPicker';

export function EntitlementDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const pools = usePools();
  const groups = useGroups();
  const [poolId, setPoolId] = useState('');
  const [kind, setKind] = useState<'group' | 'person'>('group');
  const [groupId, setGroupId] = useState('');
  const [user, setUser] = useState<User | null>(null);
  const [missing, setMissing] = useState<Record<string, string> | null>(null);
  const save = useWrite({
    kinds: ['entitlement', 'pool'],
    isQuiet: true,
    write: () => call('post', '/entitlements', { body: kind === 'group' ? { pool_id: poolId, group_id: groupId } : { pool_id: poolId, user_id: user?.id ?? '' } }),
    done: () => t('form.saved', { name: pools.byId.get(poolId)?.name ?? '' }),
    onDone: onClose,
  });
  const choose = [['', t('form.choose')]] as const;
  const submit = () => {
    // A new object each time: the field is brought before her again.
    if (kind === 'person' && !user) setMissing({ '/user_id': t('entitlements.choosePerson') });
    else save.mutate(undefined);
  };
  return (
    <FormDialog title={t('entitlements.new')} submit={t('common.create')} error={save.error} {...(missing ? { own: missing } : {})} isBusy={save.isPending} onSubmit={submit} onClose={onClose}>
      <SelectField name="pool_id" label={t('field.pool')} value={poolId} isRequired options={[...choose, ...pools.items.map(({ id, name }) => [id, name] as const)]} onChange={setPoolId} />
      <SelectField
        name="kind"
        label={t('entitlements.who')}
        value={kind}
        options={[
          ['group', t('entitlements.group')],
          ['person', t('entitlements.person')],
        ]}
        onChange={(value) => {
          setKind(value as 'group' | 'person');
          setMissing(null);
        }}
      />
      {kind === 'group' ? (
        <SelectField name="group_id" label={t('entitlements.group')} value={groupId} isRequired options={[...choose, ...groups.items.map(({ id, name }) => [id, name] as const)]} onChange={setGroupId} />
      ) : (
        <>
          <PersonPicker
            name="user_id"
            label={t('entitlements.person')}
            isExcluded={(one) => one.id === user?.id}
            onPick={(one) => {
              setUser(one);
              setMissing(null);
            }}
          />
          {user && <p>{t('entitlements.chosen', { name: user.display_name || user.username, username: user.username })}</p>}
        </>
      )}
    </FormDialog>
  );
}
