import { Button } from '@patternfly/react-core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { call } from '../api/call';
import type { Group } from '../api/types';
import { TextField } from '../form/fields';
import { FormDialog } from '../form/FormDialog';
import { useEdit } from '../form/useEdit';
import { ListTable } from '../list/ListTable';
import { RowMenu } from '../list/RowMenu';
import { useFilters } from '../list/useFilters';
import { useList } from '../list/useList';
import { PageHead } from '../shell/PageHead';
import { DeleteDialog } from './DeleteDialog';

const draftOf = ({ name, description }: Group) => ({ name, description });

function GroupDialog({ before, onClose }: { before: Group | null; onClose: () => void }) {
  const { t } = useTranslation();
  const edit = useEdit({
    before,
    empty: { name: '', description: '' },
    draftOf,
    read: ({ id }) => call('get', '/groups/{id}', { path: { id } }),
    save: ({ name, description }, base) => {
      const body = { name: name.trim(), description: description.trim() };
      return base ? call('patch', '/groups/{id}', { path: { id: base.id }, generation: base.generation, body }) : call('post', '/groups', { body });
    },
    kinds: ['group'],
    done: ({ name }) => t('form.saved', { name }),
    onDone: onClose,
  });
  const { draft, change } = edit;
  return (
    <FormDialog {...edit} title={before ? before.name : t('groups.new')} submit={before ? t('common.save') : t('common.create')} onSubmit={edit.save} onClose={onClose}>
      <TextField name="name" label={t('field.name')} value={draft.name} onChange={(name) => change({ name })} isRequired />
      <TextField name="description" label={t('field.description')} value={draft.description} onChange={(description) => change({ description })} maxLength={1000} />
    </FormDialog>
  );
}

export function GroupsPage() {
  const { t } = useTranslation();
  const filters = useFilters(['sort'] as const);
  const [editing, setEditing] = useState<Group | 'new' | null>(null);
  const [deleting, setDeleting] = useState<Group | null>(null);
  const list = useList<Group>({ kind: 'group', filters: filters.values, read: (query) => call('get', '/groups', { query: { ...query, ...filters.values } }) });
  return (
    <>
      <PageHead title={t('nav.groups')} lead={t('groups.lead')} asOf={list.asOf}>
        <Button onClick={() => setEditing('new')}>{t('groups.new')}</Button>
      </PageHead>
      <ListTable
        label={t('nav.groups')}
        list={list}
        keyOf={(row) => row.id}
        empty={t('groups.empty')}
        sort={filters.values.sort}
        onSort={(sort) => filters.set('sort', sort)}
        columns={[
          { title: t('field.name'), sort: 'name', cell: (row) => <Link to={`/admin/groups/${row.id}`}>{row.name}</Link> },
          { title: t('field.description'), cell: (row) => <span className="wrap">{row.description}</span> },
          { title: t('groups.members'), cell: (row) => row.member_count },
        ]}
        actions={(row) => (
          <RowMenu
            name={row.name}
            items={[
              { text: t('common.edit'), onClick: () => setEditing(row) },
              { text: t('common.delete'), isDanger: true, onClick: () => setDeleting(row) },
            ]}
          />
        )}
      />
      {editing && <GroupDialog before={editing === 'new' ? null : editing} onClose={() => setEditing(null)} />}
      {deleting && <DeleteDialog path="/groups/{id}" kind="group" thing={deleting} body={t('groups.deleteBody')} onClose={() => setDeleting(null)} />}
    </>
  );
}
