import { Bullseye } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';
import { call } from '../api/call';
import type { Desktop } from '../api/types';
import { DesktopMenu } from '../desktop/DesktopMenu';
import { StageList } from '../desktop/StageList';
import { useList } from '../list/useList';
import { useLive } from '../live/LiveProvider';
import { Alert } from '../pf/Alert';
import { Spinner } from '../pf/Spinner';
import { PageHead } from '../shell/PageHead';
import { ProblemNote } from '../shell/ProblemNote';
import { reasonWords } from '../words/problem';
import { DesktopStateLabel } from '../words/StateLabel';
import { formatTime } from '../words/time';
import { Facts } from './Facts';
import { OperationTable } from './OperationTable';
import { PlacementWhy } from './PlacementWhy';
import { useModules } from './choices';

function StateLine({ desktop }: { desktop: Desktop }) {
  const { t } = useTranslation();
  return (
    <p className="state-line">
      <DesktopStateLabel state={desktop.state} percent={desktop.operation?.percent} />
      <span>{t(`desktop.power.${desktop.power_wanted}`)}</span>
      <span>{t('desktop.observed', { state: t(`observed.${desktop.observed}`, { defaultValue: desktop.observed }) })}</span>
    </p>
  );
}

export function DesktopPage() {
  const { t, i18n } = useTranslation();
  const { id = '' } = useParams();
  const { poll } = useLive();
  const modules = useModules();
  const query = useQuery({ queryKey: ['desktop', 'one', id], queryFn: () => call('get', '/desktops/{id}', { path: { id } }), refetchInterval: poll });
  const desktop = query.data;
  const operationId = desktop?.operation?.id;
  const operation = useQuery({
    queryKey: ['operation', 'one', operationId],
    queryFn: () => call('get', '/operations/{id}', { path: { id: operationId ?? '' } }),
    enabled: operationId !== undefined,
    refetchInterval: 2_000,
  });
  const history = useList({ kind: 'operation', filters: { target_id: id }, limit: 20, read: (page) => call('get', '/operations', { query: { ...page, target_id: id } }) });
  if (!desktop) {
    return query.error ? (
      <ProblemNote error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <Bullseye>
        <Spinner />
      </Bullseye>
    );
  }
  const time = (iso: string | null) => formatTime(iso, i18n.language);
  return (
    <>
      <PageHead title={desktop.name} asOf={desktop.as_of}>
        <DesktopMenu desktop={desktop} forAdmin label={t('desktop.menu')} />
      </PageHead>
      <section className="panel">
        <h2>{t('field.state')}</h2>
        <StateLine desktop={desktop} />
        {desktop.reason && (
          <Alert variant="warning" isInline title={t(`problem.${desktop.reason.slug}`, { defaultValue: desktop.reason.slug })}>
            {reasonWords(desktop.reason, t)}
            {desktop.reason.detail && (
              <details className="server-said">
                <summary>{t('common.serverSaid')}</summary>
                <p lang="en">{desktop.reason.detail}</p>
              </details>
            )}
          </Alert>
        )}
        {operation.data && desktop.operation && <StageList operation={operation.data} />}
      </section>
      <section className="panel">
        <h2>{t('desktop.facts')}</h2>
        <Facts
          facts={[
            [t('field.person'), desktop.username],
            [t('field.pool'), <Link key="pool" to={`/admin/pools/${desktop.pool_id}`}>{desktop.pool_name}</Link>],
            [t('field.kind'), t(`poolKind.${desktop.kind}`)],
            [t('field.module'), modules.byId.get(desktop.module_id)?.name ?? desktop.module_id],
            [t('field.bserver'), desktop.bserver_id ? <Link key="bserver" to={`/admin/bservers/${desktop.bserver_id}`}>{desktop.bserver_name}</Link> : null],
            [t('field.slot'), desktop.slot === null ? null : t('desktop.slotLane', { slot: desktop.slot, lane: desktop.lane ?? '–' })],
            [t('field.session'), desktop.session ? `${time(desktop.session.since)} · ${t(`screen.${desktop.session.screen}`)}` : t('common.none')],
            [t('field.mac'), desktop.mac],
            [t('field.vf'), desktop.vf_id ? t('common.yes') : t('common.no')],
            [t('field.ready'), desktop.ready ? t('common.yes') : t('common.no')],
            [t('field.run'), <span key="run" className="mono">{desktop.run_id ?? '–'}</span>],
            [t('field.id'), <span key="id" className="mono">{desktop.id}</span>],
            [t('field.createdAt'), time(desktop.created_at)],
          ]}
        />
        {desktop.placement_id && <PlacementWhy id={desktop.placement_id} />}
      </section>
      <section className="panel">
        <h2>{t('nav.operations')}</h2>
        <OperationTable list={history} label={t('nav.operations')} empty={t('operations.emptyTarget')} />
      </section>
    </>
  );
}
