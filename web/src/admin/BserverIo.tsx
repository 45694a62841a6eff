// The I/O law on one bServer: how much of its limit is taken, where the limit comes from, how it moved, and
// the figure of an administrator, which wins over what is learned.
import { Button } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import type { Bserver, BserverIo as Io } from '../api/types';
import { Alert } from '../pf/Alert';
import { BusyButton } from '../pf/BusyButton';
import { Confirm } from '../shell/Confirm';
import { useWrite } from '../shell/useWrite';
import { formatNumber, formatRate, formatTime } from '../words/time';
import { Facts } from './Facts';
import { IoBar } from './IoBar';
import { IoLimitDialog } from './IoLimitDialog';

function Moves({ moves }: { moves: Io['moves'] }) {
  const { t, i18n } = useTranslation();
  const rate = (value: number) => formatRate(value, i18n.language);
  if (moves.length === 0) return <p className="quiet">{t('io.noMoves')}</p>;
  return (
    <Table variant="compact" aria-label={t('io.moves')}>
      <Thead>
        <Tr>
          <Th>{t('io.since')}</Th>
          <Th>{t('io.fromTo')}</Th>
          <Th>{t('io.why')}</Th>
          <Th>{t('io.measured')}</Th>
        </Tr>
      </Thead>
      <Tbody>
        {moves.map((move) => (
          <Tr key={move.at + move.reason + move.to}>
            <Td dataLabel={t('io.since')}>{formatTime(move.at, i18n.language)}</Td>
            <Td dataLabel={t('io.fromTo')}>{`${rate(move.from)} → ${t('io.rate', { rate: rate(move.to) })}`}</Td>
            <Td dataLabel={t('io.why')}>{t(`io.reasons.${move.reason}`, { defaultValue: move.reason })}</Td>
            <Td dataLabel={t('io.measured')}>
              {move.total === null ? '–' : t('io.rate', { rate: rate(move.total) })}
              {move.us_per_request !== null && `, ${t('io.perRequest', { us: rate(move.us_per_request) })}`}
            </Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  );
}

function Limit({ bserver }: { bserver: Bserver }) {
  const { t } = useTranslation();
  const [asking, setAsking] = useState<'set' | 'clear' | null>(null);
  const close = () => setAsking(null);
  const clear = useWrite({
    kinds: ['bserver'],
    write: () => call('patch', '/bservers/{id}', { path: { id: bserver.id }, generation: bserver.generation, body: { io_limit: null } }),
    done: () => t('io.saved', { name: bserver.name }),
  });
  return (
    <div className="io-actions">
      <Button variant="secondary" size="sm" onClick={() => setAsking('set')}>
        {t(bserver.io_limit === null ? 'io.set' : 'io.change')}
      </Button>{' '}
      {bserver.io_limit !== null && (
        <BusyButton variant="secondary" size="sm" isBusy={clear.isPending} onClick={() => setAsking('clear')}>
          {t('io.clear')}
        </BusyButton>
      )}
      {asking === 'set' && <IoLimitDialog bserver={bserver} onClose={close} />}
      {asking === 'clear' && (
        <Confirm
          title={`${t('io.clear')}: ${bserver.name}`}
          body={t('io.clearBody')}
          action={t('io.clear')}
          onCancel={close}
          onConfirm={() => {
            close();
            clear.mutate(undefined);
          }}
        />
      )}
    </div>
  );
}

export function BserverIo({ bserver }: { bserver: Bserver }) {
  const { t, i18n } = useTranslation();
  const rate = (value: number) => t('io.rate', { rate: formatRate(value, i18n.language) });
  const { io, io_limit } = bserver;
  return (
    <section className="panel" aria-labelledby="io-title">
      <h2 id="io-title">{t('io.title')}</h2>
      <p className="quiet">{t('io.lead')}</p>
      {io ? (
        <>
          <div className="gauges">
            <IoBar io={io} />
          </div>
          {io.total >= io.limit && <Alert variant="info" isInline isPlain title={t('io.atLimit')} />}
        </>
      ) : (
        <p>{t('io.unknown')}</p>
      )}
      <Facts
        facts={[
          ...(io
            ? ([
                [t('io.limit'), rate(io.limit)],
                [t('io.source'), t(`io.sources.${io.source}`, { defaultValue: io.source })],
                [t('io.move'), io.reason ? t(`io.reasons.${io.reason}`, { defaultValue: io.reason }) : '–'],
                [t('io.since'), formatTime(io.since, i18n.language)],
              ] as const)
            : []),
          [t('io.given'), io_limit === null ? t('io.notGiven') : t('io.rate', { rate: formatNumber(io_limit, i18n.language) })],
        ]}
      />
      <Limit bserver={bserver} />
      {io && (
        <>
          <h3>{t('io.moves')}</h3>
          <Moves moves={io.moves} />
        </>
      )}
    </section>
  );
}
