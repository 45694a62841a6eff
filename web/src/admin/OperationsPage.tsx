import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import type { Operation, OperationState } from '../api/types';
import { SelectFilter } from '../list/Filter';
import { useFilters } from '../list/useFilters';
import { useList } from '../list/useList';
import { PageHead } from '../shell/PageHead';
import { OperationTable } from './OperationTable';
import { sinceOf, SPANS } from './since';

const STATES: OperationState[] = ['queued', 'running', 'succeeded', 'failed', 'cancelled'];

export function OperationsPage() {
  const { t } = useTranslation();
  const filters = useFilters(['state', 'mine', 'within'] as const);
  const { state, mine, within } = filters.values;
  const list = useList<Operation>({
    kind: 'operation',
    filters: filters.values,
    read: (query) => call('get', '/operations', { query: { ...query, state: state as OperationState | undefined, ended_since: sinceOf(within), ...(mine ? { mine: true } : {}) } }),
  });
  return (
    <>
      <PageHead title={t('nav.operations')} lead={t('operations.lead')} asOf={list.asOf} />
      <div className="list-tools" role="search" aria-label={t('list.filters')}>
        <SelectFilter label={t('field.state')} value={state} options={STATES.map((one) => [one, t(`operationState.${one}`)])} onChange={(value) => filters.set('state', value)} />
        <SelectFilter label={t('field.endedAt')} value={within} options={SPANS.map((one) => [one, t(`operations.within.${one}`)])} onChange={(value) => filters.set('within', value)} />
        <SelectFilter label={t('field.askedBy')} value={mine} options={[['true', t('operations.mine')]]} onChange={(value) => filters.set('mine', value)} />
      </div>
      <OperationTable list={list} label={t('nav.operations')} empty={filters.isEmpty ? t('operations.empty') : t('list.emptyFiltered')} />
    </>
  );
}
