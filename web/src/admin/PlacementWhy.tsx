import { ExpandableSection } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { call } from '../api/call';
import type { Placement } from '../api/types';
import { Spinner } from '../pf/Spinner';
import { ProblemNote } from '../shell/ProblemNote';
import { formatMib, formatRate, formatTime } from '../words/time';

type Candidate = Placement['candidates'][number];

function Slots({ lanes }: { lanes: Candidate['lanes'] }) {
  const { t } = useTranslation();
  return lanes.map((lane) => (
    <div key={lane.no}>{t('placement.lane', { no: lane.no, free: lane.free, used: lane.used })}</div>
  ));
}

function Candidates({ placement }: { placement: Placement }) {
  const { t, i18n } = useTranslation();
  const order = [...placement.candidates].sort((a, b) => (a.rank ?? 99) - (b.rank ?? 99));
  return (
    <Table variant="compact" aria-label={t('placement.title')}>
      <Thead>
        <Tr>
          <Th>{t('field.bserver')}</Th>
          <Th>{t('placement.verdict')}</Th>
          <Th>{t('placement.slots')}</Th>
          <Th>{t('placement.memory')}</Th>
          <Th>{t('placement.store')}</Th>
          <Th>{t('placement.vfs')}</Th>
          <Th>{t('io.title')}</Th>
        </Tr>
      </Thead>
      <Tbody>
        {order.map((c) => (
          <Tr key={c.bserver_id}>
            <Td dataLabel={t('field.bserver')}>
              {c.bserver_name ? <Link to={`/admin/bservers/${c.bserver_id}`}>{c.bserver_name}</Link> : <span className="mono">{c.bserver_id}</span>}
            </Td>
            <Td dataLabel={t('placement.verdict')}>{c.rank === 1 ? t('placement.chosen') : c.rank ? t('placement.rank', { rank: c.rank }) : t(`placementVerdict.${c.verdict}`)}</Td>
            <Td dataLabel={t('placement.slots')}>
              <Slots lanes={c.lanes} />
            </Td>
            <Td dataLabel={t('placement.memory')}>{formatMib(c.memory_free_mib, i18n.language)}</Td>
            <Td dataLabel={t('placement.store')}>{c.store_free_gib === null ? '–' : `${c.store_free_gib} GiB`}</Td>
            <Td dataLabel={t('placement.vfs')}>{c.vfs_free}</Td>
            <Td dataLabel={t('io.title')}>{c.io_total === null || c.io_limit === null ? '–' : t('bar.words', { used: formatRate(c.io_total, i18n.language), total: formatRate(c.io_limit, i18n.language) })}</Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  );
}

/** Why a desktop is on its bServer, asked of its module when somebody wants to know. */
export function PlacementWhy({ id }: { id: string }) {
  const { t, i18n } = useTranslation();
  const [open, setOpen] = useState(false);
  const query = useQuery({ queryKey: ['placement', 'one', id], queryFn: () => call('get', '/placements/{id}', { path: { id } }), enabled: open, staleTime: Infinity });
  const placement = query.data;
  return (
    <ExpandableSection toggleText={t('placement.title')} isExpanded={open} onToggle={(_event, now) => setOpen(now)}>
      {query.error && <ProblemNote error={query.error} onRetry={() => void query.refetch()} />}
      {open && query.isPending && <Spinner size="lg" />}
      {placement && (
        <>
          <p>
            {t('placement.asked', {
              at: formatTime(placement.at, i18n.language),
              memory: formatMib(placement.demand.memory_mib, i18n.language),
              store: placement.demand.store_gib,
              vf: placement.demand.needs_vf ? t('common.yes') : t('common.no'),
            })}
          </p>
          <Candidates placement={placement} />
          <p>{placement.replayed ? t('placement.replayed') : t('placement.notReplayed')}</p>
        </>
      )}
    </ExpandableSection>
  );
}
