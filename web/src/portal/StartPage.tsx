import { Button, Card, CardBody, PageSection, Title } from '@patternfly/react-core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate, useParams } from 'react-router';
import { asProblem, isAway, slugOf, traceOf } from '../api/problem';
import type { Desktop, Operation, Problem } from '../api/types';
import { openClient } from '../client/handover';
import { StageList } from '../desktop/StageList';
import { Spinner } from '../pf/Spinner';
import { OtherPortals } from '../shell/OtherPortals';
import { ProblemNote } from '../shell/ProblemNote';
import { useSession } from '../shell/session';
import { connect, restPort, type Wish } from './connecting';
import { elsewhereOf } from './elsewhere';
import { useMyDesktops, useMyPools } from './HomePage';

interface Target {
  wish: Wish;
  pool: string;
  name: string;
}

/** The address says an id only: it is one of her desktops, else a pool. */
export function targetOf(id: string, desktops: readonly Desktop[], pools: readonly { id: string; name: string }[]): Target {
  const desktop = desktops.find((one) => one.id === id);
  if (desktop) return { wish: { desktop_id: id }, pool: desktop.pool_id, name: desktop.pool_name };
  return { wish: { pool_id: id }, pool: id, name: pools.find((pool) => pool.id === id)?.name ?? '' };
}

/** Where she can go on, when the refusal says so: there the same page asks again, after its log-in. */
function GoOn({ problem, id }: { problem: Problem; id: string }) {
  const { t } = useTranslation();
  const place = elsewhereOf(problem);
  const path = `/start/${encodeURIComponent(id)}`;
  if (!place && isAway(problem)) return <OtherPortals path={path} />;
  if (!place) return null;
  return (
    <p className="start-elsewhere">
      {slugOf(problem) === 'seat-elsewhere' ? t('start.elsewhere') : t('banner.goOn')}{' '}
      {place.isKnown ? <a href={`${place.url}${path}`}>{place.name}</a> : <strong>{place.name}</strong>}
    </p>
  );
}

export function StartPage() {
  const { t } = useTranslation();
  const { id = '' } = useParams();
  const navigate = useNavigate();
  const client = useQueryClient();
  const desktops = useMyDesktops();
  const pools = useMyPools();
  const [operation, setOperation] = useState<Operation | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [round, setRound] = useState(0);
  const known = desktops.data !== undefined && pools.data !== undefined;
  const target = known ? targetOf(id, desktops.data.items, pools.data.items) : null;
  const name = target?.name ?? '';
  const pool = target?.pool ?? id;
  const isDesktop = target !== null && 'desktop_id' in target.wish;

  useEffect(() => {
    if (!known) return undefined;
    const stop = new AbortController();
    const wish: Wish = isDesktop ? { desktop_id: id } : { pool_id: id };
    // A moment later, so that React's second mounting in development asks once.
    const timer = setTimeout(() => {
      connect(wish, restPort(stop.signal), { signal: stop.signal, onOperation: setOperation }).then(
        (connection) => openClient({ connection, pool_id: pool, name }),
        (failure: unknown) => {
          if (!stop.signal.aborted) setError(failure);
        },
      );
    });
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
    // The name only labels the window: its change must not ask for a second desktop.
  }, [id, pool, isDesktop, known, round]);

  const failure = error ?? (known ? null : (desktops.error ?? pools.error));
  useEffect(() => {
    document.title = failure ? t('start.failedDocumentTitle') : t('start.documentTitle');
  }, [failure, t]);

  const again = () => {
    setError(null);
    setOperation(null);
    void client.invalidateQueries({ queryKey: ['desktop', 'mine'] });
    void client.invalidateQueries({ queryKey: ['pool', 'mine'] });
    setRound(round + 1);
  };
  // Refused only because her session had ended: she is back, and means what she meant.
  const { state } = useSession();
  const isDue = state.status === 'in' && error !== null && asProblem(error).status === 401;
  useEffect(() => {
    if (isDue) again();
  });
  return (
    <PageSection className="start" isCenterAligned>
      <Card className="start-card" isLarge>
        <CardBody>
          <Title headingLevel="h1" size="2xl">
            {failure ? t('start.failed') : t('start.title')}
          </Title>
          {name && <p className="start-name">{name}</p>}
          {!failure && (
            <div role="status" aria-live="polite">
              {operation ? (
                <StageList operation={operation} />
              ) : (
                <p className="start-wait">
                  <Spinner size="lg" /> {t('start.asking')}
                </p>
              )}
            </div>
          )}
          {!failure && <p className="quiet">{operation ? t('start.lead') : ''}</p>}
          {failure !== null && <ProblemNote error={failure} />}
          {failure !== null && traceOf(asProblem(failure)) && <p className="quiet">{t('start.failedHelp')}</p>}
          {failure !== null && <GoOn problem={asProblem(failure)} id={id} />}
          <div className="start-actions">
            {failure !== null && <Button onClick={again}>{t('common.tryAgain')}</Button>}
            <Button variant={failure ? 'secondary' : 'link'} onClick={() => void navigate('/')}>
              {t('frame.myDesktops')}
            </Button>
          </div>
        </CardBody>
      </Card>
    </PageSection>
  );
}
