import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { call } from '../api/call';
import type { Desktop, DesktopState } from '../api/types';
import { DesktopMenu } from '../desktop/DesktopMenu';
import { SelectFilter, TextFilter } from '../list/Filter';
import { ListTable } from '../list/ListTable';
import { useFilters } from '../list/useFilters';
import { useList } from '../list/useList';
import { PageHead } from '../shell/PageHead';
import { DESKTOP_STATES } from '../words/desktop';
import { DesktopStateLabel } from '../words/StateLabel';
import { useBservers, useModules, usePools } from './choices';
import { PersonFilter } from './PersonFilter';

const FILTERS = ['state', 'pool_id', 'person_id', 'bserver_id', 'module_id', 'q', 'sort'] as const;

export function DesktopsPage() {
  const { t } = useTranslation();
  const filters = useFilters(FILTERS);
  const pools = usePools();
  const bservers = useBservers();
  const modules = useModules();
  const { values } = filters;
  const list = useList<Desktop>({
    kind: 'desktop',
    filters: values,
    read: (query) => call('get', '/desktops', { query: { ...query, ...values, state: values.state as DesktopState | undefined } }),
  });
  return (
    <>
      <PageHead title={t('nav.desktops')} asOf={list.asOf} />
      <div className="list-tools" role="search" aria-label={t('list.filters')}>
        <TextFilter label={t('field.name')} value={values.q} onChange={(value) => filters.set('q', value)} />
        <SelectFilter label={t('field.state')} value={values.state} options={DESKTOP_STATES.map((state) => [state, t(`state.${state}`)])} onChange={(value) => filters.set('state', value)} />
        <SelectFilter label={t('field.pool')} value={values.pool_id} options={pools.items.map(({ id, name }) => [id, name])} onChange={(value) => filters.set('pool_id', value)} />
        <SelectFilter label={t('field.bserver')} value={values.bserver_id} options={bservers.items.map(({ id, name }) => [id, name])} onChange={(value) => filters.set('bserver_id', value)} />
        <SelectFilter label={t('field.module')} value={values.module_id} options={modules.items.map(({ id, name }) => [id, name])} onChange={(value) => filters.set('module_id', value)} />
        <PersonFilter label={t('field.person')} value={values.person_id} onChange={(value) => filters.set('person_id', value)} />
      </div>
      <ListTable
        label={t('nav.desktops')}
        list={list}
        keyOf={(row) => row.id}
        empty={filters.isEmpty ? t('desktops.empty') : t('list.emptyFiltered')}
        sort={values.sort}
        onSort={(sort) => filters.set('sort', sort)}
        columns={[
          { title: t('field.name'), sort: 'name', cell: (row) => <Link to={`/admin/desktops/${row.id}`}>{row.name}</Link> },
          { title: t('field.state'), cell: (row) => <DesktopStateLabel state={row.state} percent={row.operation?.percent} /> },
          { title: t('field.person'), cell: (row) => row.username ?? '–' },
          { title: t('field.pool'), cell: (row) => <Link to={`/admin/pools/${row.pool_id}`}>{row.pool_name}</Link> },
          { title: t('field.bserver'), cell: (row) => (row.bserver_id ? <Link to={`/admin/bservers/${row.bserver_id}`}>{row.bserver_name}</Link> : '–') },
          { title: t('field.reason'), cell: (row) => <span className="wrap">{row.reason ? t(`problem.${row.reason.slug}`, { defaultValue: row.reason.slug }) : ''}</span> },
        ]}
        actions={(row) => <DesktopMenu desktop={row} forAdmin />}
      />
    </>
  );
}
