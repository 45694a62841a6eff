import { Button, Label } from '@patternfly/react-core';
import { CheckCircleIcon, ExclamationCircleIcon, InProgressIcon } from '@patternfly/react-icons';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type LaneResult, testAll } from './laneTest';

interface LaneHost {
  id: string;
  name: string;
  lanes: readonly { no: number; url: string; up?: boolean | undefined }[];
}

function Result({ result }: { result: LaneResult | undefined }) {
  const { t } = useTranslation();
  if (!result) {
    return (
      <Label variant="outline" icon={<InProgressIcon />}>
        {t('lanes.testing')}
      </Label>
    );
  }
  return result.ok ? (
    <Label color="green" icon={<CheckCircleIcon />}>
      {t('lanes.reached', { ms: result.ms })}
    </Label>
  ) : (
    <Label color="red" icon={<ExclamationCircleIcon />}>
      {t(`lanes.${result.why}`)}
    </Label>
  );
}

/** Where browsers get the certificate of the installation: absent at a module's portal. */
function Advice({ ca }: { ca: string | null }) {
  const { t } = useTranslation();
  return (
    <div className="note">
      <p>{t('lanes.advice')}</p>
      {ca && (
        <a href={ca} download="bic-ca.crt">
          {t('lanes.ca')}
        </a>
      )}
    </div>
  );
}

/** Lanes and whether this browser reaches them, tested as soon as they are shown. */
export function LaneTable({ hosts, ca }: { hosts: readonly LaneHost[]; ca: string | null }) {
  const { t } = useTranslation();
  const rows = useMemo(() => hosts.flatMap((host) => host.lanes.filter((lane) => lane.url).map((lane) => ({ host, lane }))), [hosts]);
  const urls = rows.map((row) => row.lane.url).join(' ');
  const [results, setResults] = useState<Record<string, LaneResult>>({});
  const [round, setRound] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    setResults({});
    void testAll(urls.split(' ').filter(Boolean), (url, result) => setResults((before) => ({ ...before, [url]: result })), stop.signal);
    return () => stop.abort();
  }, [urls, round]);
  const failed = Object.values(results).some((result) => !result.ok);
  const reached = Object.values(results).filter((result) => result.ok).length;
  const isDone = Object.keys(results).length >= new Set(rows.map((row) => row.lane.url)).size;
  return (
    <>
      <div className="lanes-head">
        <p role="status">{isDone ? t('lanes.done', { reached, count: rows.length }) : t('lanes.testing')}</p>
        <Button variant="secondary" isDisabled={!isDone} onClick={() => setRound(round + 1)}>
          {t('lanes.again')}
        </Button>
      </div>
      {isDone && failed && <Advice ca={ca} />}
      <Table aria-label={t('lanes.title')} variant="compact">
        <Thead>
          <Tr>
            <Th>{t('lanes.host')}</Th>
            <Th>{t('lanes.no')}</Th>
            <Th>{t('lanes.address')}</Th>
            <Th>{t('lanes.network')}</Th>
            <Th>{t('lanes.result')}</Th>
          </Tr>
        </Thead>
        <Tbody>
          {rows.map(({ host, lane }) => (
            <Tr key={`${host.id}/${lane.no}`}>
              <Td dataLabel={t('lanes.host')}>{host.name}</Td>
              <Td dataLabel={t('lanes.no')}>{lane.no}</Td>
              <Td dataLabel={t('lanes.address')} className="mono">
                {URL.canParse(lane.url) ? new URL(lane.url).host : lane.url}
              </Td>
              <Td dataLabel={t('lanes.network')}>{lane.up === false ? t('lanes.down') : t('lanes.up')}</Td>
              <Td dataLabel={t('lanes.result')}>
                <Result result={results[lane.url]} />
              </Td>
            </Tr>
          ))}
        </Tbody>
      </Table>
    </>
  );
}
