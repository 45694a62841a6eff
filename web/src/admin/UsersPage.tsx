import { Button } from '@patternfly/react-core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { call } from '../api/call';
import type { User } from '../api/types';
import { TextFilter } from '../list/Filter';
import { ListTable } from '../list/ListTable';
import { RowMenu } from '../list/RowMenu';
import { useFilters } from '../list/useFilters';
import { useList } from '../list/useList';
import { PageHead } from '../shell/PageHead';
import { useMe } from '../shell/session';
import { useWrite } from '../shell/useWrite';
import { ToneLabel } from '../words/StateLabel';
import { formatTime } from '../words/time';
import { DeleteDialog } from './DeleteDialog';
import { UserDialog } from './UserDialog';

export function UsersPage() {
  const { t, i18n } = useTranslation();
  const me = useMe();
  const navigate = useNavigate();
  const filters = useFilters(['q', 'sort'] as const);
  const [editing, setEditing] = useState<User | 'new' | null>(null);
  const [deleting, setDeleting] = useState<User | null>(null);
  const list = useList<User>({ kind: 'user', filters: filters.values, read: (query) => call('get', '/users', { query: { ...query, ...filters.values } }) });
  const disable = useWrite({
    kinds: ['user'],
    write: (user: User) => call('patch', '/users/{id}', { path: { id: user.id }, generation: user.generation, body: { disabled: !user.disabled } }),
    done: (_, user) => t('form.saved', { name: user.username }),
  });
  return (
    <>
      <PageHead title={t('nav.users')} asOf={list.asOf}>
        <Button onClick={() => setEditing('new')}>{t('users.new')}</Button>
      </PageHead>
      <div className="list-tools" role="search" aria-label={t('list.filters')}>
        <TextFilter label={t('field.name')} value={filters.values.q} onChange={(value) => filters.set('q', value)} />
      </div>
      <ListTable
        label={t('nav.users')}
        list={list}
        keyOf={(row) => row.id}
        empty={filters.values.q ? t('list.emptyFiltered') : t('users.empty')}
        sort={filters.values.sort}
        onSort={(sort) => filters.set('sort', sort)}
        columns={[
          { title: t('users.username'), sort: 'username', cell: (row) => row.username },
          { title: t('users.displayName'), cell: (row) => row.display_name },
          { title: t('users.role'), cell: (row) => t(`role.${row.role}`) },
          { title: t('field.state'), cell: (row) => <ToneLabel tone={row.disabled ? 'quiet' : 'success'} text={t(row.disabled ? 'users.disabled' : 'users.enabled')} /> },
          { title: t('field.createdAt'), sort: 'created_at', cell: (row) => formatTime(row.created_at, i18n.language) },
        ]}
        actions={(row) => (
          <RowMenu
            name={row.username}
            items={[
              { text: t('common.edit'), onClick: () => setEditing(row) },
              { text: t('nav.desktops'), onClick: () => void navigate(`/admin/desktops?person_id=${row.id}`) },
              ...(row.id === me.id
                ? []
                : [
                    { text: t(row.disabled ? 'users.enable' : 'users.disable'), hint: t(row.disabled ? 'users.enableHint' : 'users.disableHint'), onClick: () => disable.mutate(row) },
                    { text: t('common.delete'), isDanger: true, onClick: () => setDeleting(row) },
                  ]),
            ]}
          />
        )}
      />
      {editing && <UserDialog before={editing === 'new' ? null : editing} onClose={() => setEditing(null)} />}
      {deleting && <DeleteDialog path="/users/{id}" kind="user" thing={{ ...deleting, name: deleting.username }} body={t('users.deleteBody')} onClose={() => setDeleting(null)} />}
    </>
  );
}
