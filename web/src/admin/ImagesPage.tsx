import { Button } from '@patternfly/react-core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate } from 'react-router';
import { call } from '../api/call';
import type { Image } from '../api/types';
import { ListTable } from '../list/ListTable';
import { RowMenu } from '../list/RowMenu';
import { useFilters } from '../list/useFilters';
import { useList } from '../list/useList';
import { PageHead } from '../shell/PageHead';
import { formatBytes } from '../words/time';
import { DeleteDialog } from './DeleteDialog';
import { ImageDialog } from './ImageDialog';

export function ImagesPage() {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const filters = useFilters(['sort'] as const);
  const [editing, setEditing] = useState<Image | 'new' | null>(null);
  const [deleting, setDeleting] = useState<Image | null>(null);
  const list = useList<Image>({ kind: 'image', filters: filters.values, read: (query) => call('get', '/images', { query: { ...query, ...filters.values } }) });
  return (
    <>
      <PageHead title={t('nav.images')} lead={t('images.lead')} asOf={list.asOf}>
        <Button onClick={() => setEditing('new')}>{t('images.new')}</Button>
      </PageHead>
      <ListTable
        label={t('nav.images')}
        list={list}
        keyOf={(row) => row.id}
        empty={t('images.empty')}
        sort={filters.values.sort}
        onSort={(sort) => filters.set('sort', sort)}
        columns={[
          { title: t('field.name'), sort: 'name', cell: (row) => <Link to={`/admin/images/${row.id}`}>{row.name}</Link> },
          { title: t('field.description'), cell: (row) => <span className="wrap">{row.description}</span> },
          { title: t('images.guest'), cell: (row) => t(`guest.${row.guest}`, { defaultValue: row.guest }) },
          { title: t('images.latest'), cell: (row) => (row.latest_version ? t('images.versionNumber', { number: row.latest_version.number }) : t('images.noVersion')) },
          { title: t('images.diskSize'), cell: (row) => (row.latest_version ? formatBytes(row.latest_version.virtual_size, i18n.language) : '–') },
        ]}
        actions={(row) => (
          <RowMenu
            name={row.name}
            items={[
              { text: t('images.versions'), onClick: () => void navigate(`/admin/images/${row.id}`) },
              { text: t('common.edit'), onClick: () => setEditing(row) },
              { text: t('common.delete'), isDanger: true, onClick: () => setDeleting(row) },
            ]}
          />
        )}
      />
      {editing && <ImageDialog before={editing === 'new' ? null : editing} onClose={() => setEditing(null)} />}
      {deleting && <DeleteDialog path="/images/{id}" kind="image" thing={deleting} body={t('images.deleteBody')} onClose={() => setDeleting(null)} />}
    </>
  );
}
