import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { call } from '../api/call';
import type { Bserver } from '../api/types';
import { SelectFilter } from '../list/Filter';
import { ListTable } from '../list/ListTable';
import { useFilters } from '../list/useFilters';
import { useList } from '../list/useList';
import { PageHead } from '../shell/PageHead';
import { NodeStateLabel } from '../words/StateLabel';
import { formatAge, formatMib } from '../words/time';
import { Bar } from './Bar';
import { BserverMaintenance } from './BserverMaintenance';
import { useModules } from './choices';
import { IoBar } from './IoBar';

const STATES = ['up', 'silent', 'maintenance'] as const;

export function BserversPage() {
  const { t, i18n } = useTranslation();
  const filters = useFilters(['module_id', 'state', 'sort'] as const);
  const modules = useModules();
  const { values } = filters;
  const list = useList<Bserver>({
    kind: 'bserver',
    filters: values,
    read: (query) => call('get', '/bservers', { query: { ...query, ...values, state: values.state as Bserver['state'] | undefined } }),
  });
  return (
    <>
      <PageHead title={t('nav.bservers')} asOf={list.asOf} />
      <div className="list-tools" role="search" aria-label={t('list.filters')}>
        <SelectFilter label={t('field.module')} value={values.module_id} options={modules.items.map(({ id, name }) => [id, name])} onChange={(value) => filters.set('module_id', value)} />
        <SelectFilter label={t('field.state')} value={values.state} options={STATES.map((state) => [state, t(`nodeState.${state}`)])} onChange={(value) => filters.set('state', value)} />
      </div>
      <ListTable
        label={t('nav.bservers')}
        list={list}
        keyOf={(row) => row.id}
        empty={filters.isEmpty ? t('bservers.empty') : t('list.emptyFiltered')}
        sort={values.sort}
        onSort={(sort) => filters.set('sort', sort)}
        columns={[
          { title: t('field.name'), sort: 'name', cell: (row) => <Link to={`/admin/bservers/${row.id}`}>{row.name}</Link> },
          { title: t('field.state'), cell: (row) => <NodeStateLabel state={row.state} /> },
          { title: t('field.desktops'), cell: (row) => <Bar isLabelHidden label={t('overview.slots')} used={row.slots_used} total={row.slots} /> },
          { title: t('bservers.memory'), cell: (row) => <Bar isLabelHidden label={t('bservers.memory')} used={row.memory_used_mib} total={row.memory_mib} format={(mib) => formatMib(mib, i18n.language)} /> },
          { title: t('io.title'), cell: (row) => <IoBar isLabelHidden io={row.io} /> },
          { title: t('overview.vfs'), cell: (row) => (row.vfs === 0 ? t('common.none') : <Bar isLabelHidden label={t('overview.vfs')} used={row.vfs_used} total={row.vfs} />) },
          { title: t('field.module'), cell: (row) => modules.byId.get(row.module_id)?.name ?? '–' },
          { title: t('field.lastHeard'), cell: (row) => (row.last_heard ? formatAge(row.last_heard, i18n.language) : '–') },
        ]}
        actions={(row) => <BserverMaintenance bserver={row} />}
      />
    </>
  );
}
