import { TextInput } from '@patternfly/react-core';
import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import type { AuditEntry } from '../api/types';
import { SelectFilter, TextFilter } from '../list/Filter';
import { ListTable } from '../list/ListTable';
import { useFilters } from '../list/useFilters';
import { useList } from '../list/useList';
import { PageHead } from '../shell/PageHead';
import { ToneLabel } from '../words/StateLabel';
import { formatTime } from '../words/time';
import { useUsers } from './choices';

/** The start of a day of the reader, as the server wants it. */
export function sinceOf(day: string | undefined): string | undefined {
  if (!day) return undefined;
  const start = new Date(`${day}T00:00:00`);
  return Number.isNaN(start.getTime()) ? undefined : start.toISOString().replace(/\.\d+Z$/, 'Z');
}

export function AuditPage() {
  const { t, i18n } = useTranslation();
  const filters = useFilters(['actor_id', 'target_id', 'action', 'since'] as const);
  const users = useUsers();
  const { values } = filters;
  const list = useList<AuditEntry>({
    kind: 'audit',
    filters: values,
    read: (query) => call('get', '/audit', { query: { ...query, ...values, since: sinceOf(values.since) } }),
  });
  return (
    <>
      <PageHead title={t('nav.audit')} lead={t('audit.lead')} asOf={list.asOf} />
      <div className="list-tools" role="search" aria-label={t('list.filters')}>
        <SelectFilter label={t('audit.actor')} value={values.actor_id} options={users.items.map((user) => [user.id, user.username])} onChange={(value) => filters.set('actor_id', value)} />
        <TextFilter label={t('audit.action')} value={values.action} onChange={(value) => filters.set('action', value)} />
        <label className="filter" htmlFor="audit-since">
          {t('audit.since')}
          <TextInput id="audit-since" type="date" value={values.since ?? ''} onChange={(_, value) => filters.set('since', value)} />
        </label>
      </div>
      <ListTable
        label={t('nav.audit')}
        list={list}
        keyOf={(row) => row.id ?? `${row.trace_id}/${row.at}/${row.action}`}
        empty={filters.isEmpty ? t('audit.empty') : t('list.emptyFiltered')}
        columns={[
          { title: t('audit.at'), cell: (row) => formatTime(row.at, i18n.language) },
          { title: t('audit.actor'), cell: (row) => row.actor_name ?? '–' },
          { title: t('audit.action'), cell: (row) => <span className="mono">{row.action}</span> },
          { title: t('field.target'), cell: (row) => row.target_name ?? row.target_kind ?? '–' },
          {
            title: t('audit.result'),
            cell: (row) => <ToneLabel tone={row.result === 'ok' ? 'success' : 'danger'} text={row.result === 'ok' ? t('audit.ok') : t(`problem.${row.result}`, { defaultValue: row.result })} />,
          },
          { title: t('audit.origin'), cell: (row) => row.origin },
          { title: t('audit.trace'), cell: (row) => <span className="mono">{row.trace_id}</span> },
        ]}
      />
    </>
  );
}
