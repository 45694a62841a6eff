import { Bullseye, Label, LabelGroup } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';
import { call } from '../api/call';
import type { Bserver, Page, Vf } from '../api/types';
import { LaneTable } from '../lanes/LaneTable';
import { useLive } from '../live/LiveProvider';
import { Alert } from '../pf/Alert';
import { Spinner } from '../pf/Spinner';
import { PageHead } from '../shell/PageHead';
import { ProblemNote } from '../shell/ProblemNote';
import { NodeStateLabel } from '../words/StateLabel';
import { formatMib, formatTime } from '../words/time';
import { Bar } from './Bar';
import { BserverIo } from './BserverIo';
import { BserverMaintenance } from './BserverMaintenance';
import { useModules } from './choices';
import { Facts } from './Facts';
import { VfMap } from './VfMap';

/** All of them: a bServer has at most 512. */
async function readVfs(bserver_id: string): Promise<Vf[]> {
  const all: Vf[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page: Page<Vf> = await call('get', '/vfs', { query: { bserver_id, limit: 200, ...(cursor ? { cursor } : {}) } });
    all.push(...page.items);
    cursor = page.next;
  }
  return all;
}

function Capabilities({ bserver }: { bserver: Bserver }) {
  const { t } = useTranslation();
  const { screen, vf_counters, guest_channel, formats } = bserver.capabilities;
  const can: [string, boolean][] = [
    [t('capability.screen'), screen],
    [t('capability.vf_counters'), vf_counters],
    [t('capability.guest_channel'), guest_channel],
    ...formats.map((format): [string, boolean] => [format, true]),
  ];
  return (
    <LabelGroup aria-label={t('bservers.capabilities')} numLabels={12}>
      {can.map(([word, has]) => (
        <Label key={word} variant="outline" color={has ? 'green' : 'grey'}>
          {has ? word : t('capability.without', { name: word })}
        </Label>
      ))}
    </LabelGroup>
  );
}

export function BserverPage() {
  const { t, i18n } = useTranslation();
  const { id = '' } = useParams();
  const { poll } = useLive();
  const modules = useModules();
  const query = useQuery({ queryKey: ['bserver', 'one', id], queryFn: () => call('get', '/bservers/{id}', { path: { id } }), refetchInterval: poll || 10_000 });
  const vfs = useQuery({ queryKey: ['vf', 'list', id], queryFn: () => readVfs(id), refetchInterval: poll });
  const bserver = query.data;
  if (!bserver) {
    return query.error ? (
      <ProblemNote error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <Bullseye>
        <Spinner />
      </Bullseye>
    );
  }
  const used = bserver.storage.size_gib - bserver.storage.free_gib;
  return (
    <>
      <PageHead title={bserver.name} asOf={bserver.as_of}>
        <BserverMaintenance bserver={bserver} />
      </PageHead>
      {bserver.drift.map((drift) => (
        <Alert key={drift.kind + drift.detail} variant="warning" isInline title={t('bservers.drift', { kind: drift.kind })} className="note">
          {drift.detail}
        </Alert>
      ))}
      <section className="panel">
        <h2>{t('bservers.load')}</h2>
        <div className="gauges">
          <Bar label={t('overview.slots')} used={bserver.slots_used} total={bserver.slots} />
          <Bar label={t('bservers.memory')} used={bserver.memory_used_mib} total={bserver.memory_mib} format={(mib) => formatMib(mib, i18n.language)} />
          <Bar label={t('bservers.storage')} used={used} total={bserver.storage.size_gib} format={(gib) => `${gib} GiB`} />
          {bserver.lanes.map((lane) => (
            <Bar key={lane.no} label={t('bservers.lane', { no: lane.no })} used={lane.used} total={lane.slots} />
          ))}
        </div>
      </section>
      <BserverIo bserver={bserver} />
      <section className="panel">
        <h2>{t('bservers.facts')}</h2>
        <Facts
          facts={[
            [t('field.state'), <NodeStateLabel key="state" state={bserver.state} />],
            [t('field.lastHeard'), formatTime(bserver.last_heard, i18n.language)],
            [t('field.module'), modules.byId.get(bserver.module_id)?.name],
            [t('field.kind'), t(`bserverKind.${bserver.kind}`, { defaultValue: bserver.kind })],
            [t('field.desktops'), <Link key="desktops" to={`/admin/desktops?bserver_id=${bserver.id}`}>{t('overview.running', { running: bserver.running, desktops: bserver.desktops })}</Link>],
            [t('bservers.cpu'), t('bservers.cores', { cores: bserver.cores, threads: bserver.threads })],
            [t('bservers.accelerator'), bserver.accelerator],
            [t('bservers.version'), bserver.agent_version],
            [t('bservers.boot'), <span key="boot" className="mono">{bserver.boot ?? '–'}</span>],
          ]}
        />
        <Capabilities bserver={bserver} />
      </section>
      {bserver.lanes.some((lane) => lane.url) && (
        <section className="panel">
          <h2>{t('lanes.here')}</h2>
          <LaneTable hosts={[bserver]} ca="/api/v1/ca.crt" />
        </section>
      )}
      <section className="panel">
        <h2>{t('overview.vfs')}</h2>
        {vfs.error && !vfs.data ? <ProblemNote error={vfs.error} /> : vfs.data?.length === 0 ? <p className="quiet">{t('bservers.noVfs')}</p> : <VfMap vfs={vfs.data ?? []} />}
      </section>
    </>
  );
}
