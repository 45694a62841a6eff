import { Button } from '@patternfly/react-core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import type { Entitlement } from '../api/types';
import { ListTable } from '../list/ListTable';
import { useList } from '../list/useList';
import { PageHead } from '../shell/PageHead';
import { formatTime } from '../words/time';
import { useGroups, usePools } from './choices';
import { DeleteDialog } from './DeleteDialog';
import { EntitlementDialog } from './EntitlementDialog';
import { personWords, usePeople } from './people';

export function EntitlementsPage() {
  const { t, i18n } = useTranslation();
  const pools = usePools();
  const groups = useGroups();
  const [adding, setAdding] = useState(false);
  const [deleting, setDeleting] = useState<Entitlement | null>(null);
  const list = useList<Entitlement>({ kind: 'entitlement', read: (query) => call('get', '/entitlements', { query }) });
  const people = usePeople(list.items.map(({ user_id }) => user_id));
  const who = (row: Entitlement) => {
    if (row.group_id) return groups.byId.get(row.group_id)?.name ?? row.group_id;
    const person = people.get(row.user_id ?? '');
    return person ? personWords(person) : (row.user_id ?? '–');
  };
  const poolName = (row: Entitlement) => pools.byId.get(row.pool_id)?.name ?? row.pool_id;
  return (
    <>
      <PageHead title={t('nav.entitlements')} lead={t('entitlements.lead')} asOf={list.asOf}>
        <Button onClick={() => setAdding(true)}>{t('entitlements.new')}</Button>
      </PageHead>
      <ListTable
        label={t('nav.entitlements')}
        list={list}
        keyOf={(row) => row.id}
        empty={t('entitlements.empty')}
        columns={[
          { title: t('field.pool'), cell: poolName },
          { title: t('entitlements.who'), cell: who },
          { title: t('field.kind'), cell: (row) => t(row.group_id ? 'entitlements.group' : 'entitlements.person') },
          { title: t('field.createdAt'), cell: (row) => formatTime(row.created_at, i18n.language) },
        ]}
        actions={(row) => (
          <Button variant="link" isInline isDanger onClick={() => setDeleting(row)} aria-label={`${t('entitlements.revoke')}: ${who(row)}, ${poolName(row)}`}>
            {t('entitlements.revoke')}
          </Button>
        )}
      />
      {adding && <EntitlementDialog onClose={() => setAdding(false)} />}
      {deleting && (
        <DeleteDialog
          path="/entitlements/{id}"
          kind="entitlement"
          thing={{ ...deleting, name: `${who(deleting)} – ${poolName(deleting)}` }}
          action={t('entitlements.revoke')}
          body={t('entitlements.revokeBody')}
          onClose={() => setDeleting(null)}
        />
      )}
    </>
  );
}
