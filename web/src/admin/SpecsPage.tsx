import { Button } from '@patternfly/react-core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import type { Spec } from '../api/types';
import { ListTable } from '../list/ListTable';
import { RowMenu } from '../list/RowMenu';
import { useFilters } from '../list/useFilters';
import { useList } from '../list/useList';
import { PageHead } from '../shell/PageHead';
import { formatMib } from '../words/time';
import { DeleteDialog } from './DeleteDialog';
import { SpecDialog } from './SpecDialog';

export function SpecsPage() {
  const { t, i18n } = useTranslation();
  const filters = useFilters(['sort'] as const);
  const [editing, setEditing] = useState<Spec | 'new' | null>(null);
  const [deleting, setDeleting] = useState<Spec | null>(null);
  const list = useList<Spec>({ kind: 'spec', filters: filters.values, read: (query) => call('get', '/specs', { query: { ...query, ...filters.values } }) });
  return (
    <>
      <PageHead title={t('nav.specs')} lead={t('specs.lead')} asOf={list.asOf}>
        <Button onClick={() => setEditing('new')}>{t('specs.new')}</Button>
      </PageHead>
      <ListTable
        label={t('nav.specs')}
        list={list}
        keyOf={(row) => row.id}
        empty={t('specs.empty')}
        sort={filters.values.sort}
        onSort={(sort) => filters.set('sort', sort)}
        columns={[
          { title: t('field.name'), sort: 'name', cell: (row) => row.name },
          { title: t('specs.vcpus'), cell: (row) => row.vcpus },
          { title: t('specs.memory'), cell: (row) => formatMib(row.memory_mib, i18n.language) },
          { title: t('specs.disk'), cell: (row) => (row.disk_gib ? `${row.disk_gib} GiB` : t('specs.diskAsImage')) },
          { title: t('specs.firmware'), cell: (row) => t(`firmware.${row.firmware}`) + (row.tpm ? ` · ${t('specs.tpm')}` : '') },
          { title: t('specs.devices'), cell: (row) => [row.disk_bus, row.nic_model, row.video].join(' · ') },
          { title: t('specs.needsVf'), cell: (row) => (row.needs_vf ? t('common.yes') : t('common.no')) },
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
      {editing && <SpecDialog before={editing === 'new' ? null : editing} onClose={() => setEditing(null)} />}
      {deleting && <DeleteDialog path="/specs/{id}" kind="spec" thing={deleting} body={t('specs.deleteBody')} onClose={() => setDeleting(null)} />}
    </>
  );
}
