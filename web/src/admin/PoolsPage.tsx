import { Button } from '@patternfly/react-core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate } from 'react-router';
import { call } from '../api/call';
import type { Page, Pool } from '../api/types';
import { ListTable } from '../list/ListTable';
import { RowMenu } from '../list/RowMenu';
import { useFilters } from '../list/useFilters';
import { useList } from '../list/useList';
import { PageHead } from '../shell/PageHead';
import { Bar } from './Bar';
import { useImages, useSpecs } from './choices';
import { DeleteDialog } from './DeleteDialog';
import { ForecastLine } from './PoolForecast';

export function PoolsPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const filters = useFilters(['sort'] as const);
  const images = useImages();
  const specs = useSpecs();
  const [deleting, setDeleting] = useState<Pool | null>(null);
  const list = useList<Pool>({
    kind: 'pool',
    filters: filters.values,
    read: async (query) => (await call('get', '/pools', { query: { ...query, ...filters.values } })) as Page<Pool>,
  });
  return (
    <>
      <PageHead title={t('nav.pools')} lead={t('pools.lead')} asOf={list.asOf}>
        <Button onClick={() => void navigate('/admin/pools/new')}>{t('pools.new')}</Button>
      </PageHead>
      <ListTable
        label={t('nav.pools')}
        list={list}
        keyOf={(row) => row.id}
        empty={t('pools.empty')}
        sort={filters.values.sort}
        onSort={(sort) => filters.set('sort', sort)}
        columns={[
          { title: t('field.name'), sort: 'name', cell: (row) => <Link to={`/admin/pools/${row.id}`}>{row.name}</Link> },
          { title: t('field.kind'), cell: (row) => t(`poolKind.${row.kind}`) },
          { title: t('field.image'), cell: (row) => <Link to={`/admin/images/${row.image_id}`}>{images.byId.get(row.image_id)?.name ?? '–'}</Link> },
          { title: t('field.spec'), cell: (row) => specs.byId.get(row.spec_id)?.name ?? '–' },
          { title: t('pools.assigned'), cell: (row) => <Bar isLabelHidden label={t('pools.assigned')} used={row.counts.assigned} total={row.counts.desktops} /> },
          { title: t('pools.inUse'), cell: (row) => <Link to={`/admin/desktops?pool_id=${row.id}&state=in_use`}>{row.counts.in_use}</Link> },
          { title: t('pools.ready'), cell: (row) => <Link to={`/admin/desktops?pool_id=${row.id}&state=ready`}>{row.counts.ready}</Link> },
          { title: t('forecast.column'), cell: (row) => <ForecastLine pool={row} /> },
        ]}
        actions={(row) => (
          <RowMenu
            name={row.name}
            items={[
              { text: t('common.edit'), onClick: () => void navigate(`/admin/pools/${row.id}`) },
              { text: t('nav.desktops'), onClick: () => void navigate(`/admin/desktops?pool_id=${row.id}`) },
              { text: t('common.delete'), isDanger: true, onClick: () => setDeleting(row) },
            ]}
          />
        )}
      />
      {deleting && <DeleteDialog path="/pools/{id}" kind="pool" thing={deleting} body={t('pools.deleteBody', { count: deleting.counts.desktops })} onClose={() => setDeleting(null)} />}
    </>
  );
}
