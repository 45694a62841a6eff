import { TextInput } from '@patternfly/react-core';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import type { AuditEntry } from '../api/types';
import { SelectFilter } from '../list/Filter';
import { ListTable } from '../list/ListTable';
import { useFilters } from '../list/useFilters';
import { useList } from '../list/useList';
import { PageHead } from '../shell/PageHead';
import { ToneLabel } from '../words/StateLabel';
import { formatTime } from '../words/time';
import { AUDIT_ACTIONS } from './auditActions';
import { PersonFilter } from './PersonFilter';

/** The start of a day of the reader, as the server wants it. */
export function sinceOf(day: string | undefined): string | undefined {
  if (!day) return undefined;
  const start = new Date(`${day}T00:00:00`);
  return Number.isNaN(start.getTime()) ? undefined : start.toISOString().replace(/\.\d+Z$/, 'Z');
}

/** In words; the code, which scripts and the contract use, beneath. Earlier versions wrote other ones. */
function AuditAction({ code }: { code: string }) {
  const { t } = useTranslation();
  const words = t(`auditAction.${code}`, { defaultValue: '' });
  return (
    <>
      {words && <div>{words}</div>}
      <span className={words ? 'mono quiet' : 'mono'}>{code}</span>
    </>
  );
}

/** The stream tells nothing of the trail: while somebody looks at it, it is read again and again. */
const AGAIN = 5_000;

export function AuditPage() {
  const { t, i18n } = useTranslation();
  const filters = useFilters(['actor_id', 'target_id', 'action', 'since'] as const);
  const { values } = filters;
  const list = useList<AuditEntry>({
    kind: 'audit',
    filters: values,
    read: (query) => call('get', '/audit', { query: { ...query, ...values, since: sinceOf(values.since) } }),
  });
  const { refetch } = list;
  const again = useRef(refetch);
  again.current = refetch;
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === 'visible' && again.current(), AGAIN);
    return () => clearInterval(timer);
  }, []);
  return (
    <>
      <PageHead title={t('nav.audit')} lead={t('audit.lead')} asOf={list.asOf} />
      <div className="list-tools" role="search" aria-label={t('list.filters')}>
        <PersonFilter label={t('audit.actor')} value={values.actor_id} onChange={(value) => filters.set('actor_id', value)} />
        <SelectFilter label={t('audit.action')} value={values.action} options={AUDIT_ACTIONS.map((code) => [code, t(`auditAction.${code}`)])} onChange={(value) => filters.set('action', value)} />
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
          { title: t('audit.action'), cell: (row) => <AuditAction code={row.action} /> },
          { title: t('field.target'), cell: (row) => row.target_name ?? (row.target_kind ? t(`targetKind.${row.target_kind}`, { defaultValue: row.target_kind }) : '–') },
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
