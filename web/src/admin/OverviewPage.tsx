import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { call } from '../api/call';
import type { Module } from '../api/types';
import { DataAge } from '../list/DataAge';
import { useList } from '../list/useList';
import { useLive } from '../live/LiveProvider';
import { Alert } from '../pf/Alert';
import { PageHead } from '../shell/PageHead';
import { ProblemNote } from '../shell/ProblemNote';
import { NodeStateLabel } from '../words/StateLabel';
import { formatNumber } from '../words/time';
import { Bar } from './Bar';
import { useModules } from './choices';
import { NumberCard } from './NumberCard';
import { LAST_DAY, sinceOf } from './since';

const FAILED_SHOWN = 200;

function totals(modules: Module[]) {
  const sum = { desktops: 0, running: 0, sessions: 0, slots: 0, slots_used: 0, vfs: 0, vfs_used: 0 };
  for (const { counts } of modules) {
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += counts[key];
  }
  return sum;
}

function ModuleRow({ module }: { module: Module }) {
  const { t } = useTranslation();
  const { counts } = module;
  return (
    <Tr>
      <Td dataLabel={t('field.module')}>
        <Link to={`/admin/bservers?module_id=${module.id}`}>{module.name}</Link>
      </Td>
      <Td dataLabel={t('field.state')}>
        <NodeStateLabel state={module.state} />
      </Td>
      <Td dataLabel={t('overview.slots')}>
        <Bar isLabelHidden label={t('overview.slots')} used={counts.slots_used} total={counts.slots} />
      </Td>
      <Td dataLabel={t('overview.vfs')}>
        <Bar isLabelHidden label={t('overview.vfs')} used={counts.vfs_used} total={counts.vfs} />
      </Td>
      <Td dataLabel={t('field.desktops')}>
        <Link to={`/admin/desktops?module_id=${module.id}`}>{t('overview.running', { running: counts.running, desktops: counts.desktops })}</Link>
      </Td>
      <Td dataLabel={t('overview.sessions')}>{counts.sessions}</Td>
      <Td dataLabel={t('field.asOf')}>
        <DataAge asOf={module.as_of} />
      </Td>
    </Tr>
  );
}

function FirstSteps({ hasModules, hasImages }: { hasModules: boolean; hasImages: boolean }) {
  const { t } = useTranslation();
  return (
    <section className="panel">
      <h2>{t('overview.firstSteps')}</h2>
      <ol>
        {!hasModules && (
          <li>
            <Link to="/admin/nodes">{t('overview.stepNodes')}</Link>
          </li>
        )}
        {!hasImages && (
          <li>
            <Link to="/admin/images">{t('overview.stepImages')}</Link>
          </li>
        )}
        <li>
          <Link to="/admin/pools/new">{t('overview.stepPool')}</Link>
        </li>
        <li>
          <Link to="/admin/entitlements">{t('overview.stepEntitle')}</Link>
        </li>
      </ol>
    </section>
  );
}

export function OverviewPage() {
  const { t, i18n } = useTranslation();
  const { poll } = useLive();
  const modules = useList({ kind: 'module', read: (query) => call('get', '/modules', { query }), limit: 200 });
  const choices = useModules();
  const failed = useQuery({
    queryKey: ['operation', 'list', 'failed-count'],
    queryFn: () => call('get', '/operations', { query: { state: 'failed', ended_since: sinceOf(LAST_DAY), limit: FAILED_SHOWN } }),
    // What is older than a day leaves by itself.
    refetchInterval: poll || 60_000,
  });
  const silent = useQuery({
    queryKey: ['bserver', 'list', 'silent-count'],
    queryFn: () => call('get', '/bservers', { query: { state: 'silent', limit: 200 } }),
    refetchInterval: poll,
  });
  const images = useQuery({ queryKey: ['image', 'list', 'any'], queryFn: () => call('get', '/images', { query: { limit: 1 } }) });
  const sum = totals(modules.items);
  const write = (value: number) => formatNumber(value, i18n.language);
  const howMany = (answer: { items: unknown[]; next: string | null } | undefined) => (answer ? `${write(answer.items.length)}${answer.next ? '+' : ''}` : '–');
  const silentModules = choices.items.filter((module) => module.state !== 'up');
  return (
    <>
      <PageHead title={t('nav.overview')} asOf={modules.asOf} />
      {modules.error !== null && modules.items.length === 0 && <ProblemNote error={modules.error} onRetry={modules.refetch} />}
      {silentModules.map((module) => (
        <Alert key={module.id} variant="warning" isInline title={t('overview.silentModule', { name: module.name })} className="note">
          {t('overview.silentModuleBody')}
        </Alert>
      ))}
      {!modules.isFirstLoad && modules.error === null && sum.desktops === 0 && (
        <FirstSteps hasModules={modules.items.length > 0} hasImages={(images.data?.items.length ?? 0) > 0} />
      )}
      <div className="cards">
        <NumberCard title={t('overview.sessions')} figure={write(sum.sessions)} to="/admin/sessions" />
        <NumberCard title={t('field.desktops')} figure={write(sum.desktops)} note={t('overview.runningNote', { count: sum.running })} to="/admin/desktops" />
        <NumberCard title={t('overview.failed')} figure={howMany(failed.data)} to={`/admin/operations?state=failed&within=${LAST_DAY}`} isAlarm={(failed.data?.items.length ?? 0) > 0} />
        <NumberCard title={t('overview.silent')} figure={howMany(silent.data)} to="/admin/bservers?state=silent" isAlarm={(silent.data?.items.length ?? 0) > 0} />
        <NumberCard title={t('overview.vfs')} figure={`${write(sum.vfs_used)} / ${write(sum.vfs)}`} to="/admin/bservers" />
      </div>
      <section className="panel">
        <h2>{t('overview.capacity')}</h2>
        {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
        <div role="region" aria-label={t('overview.capacity')} tabIndex={0} className="scroll">
          <Table aria-label={t('overview.capacity')} variant="compact" borders={false}>
            <Thead>
              <Tr>
                {[t('field.module'), t('field.state'), t('overview.slots'), t('overview.vfs'), t('field.desktops'), t('overview.sessions'), t('field.asOf')].map((title) => (
                  <Th key={title} modifier="nowrap">{title}</Th>
                ))}
              </Tr>
            </Thead>
            <Tbody>
              {modules.items.map((module) => (
                <ModuleRow key={module.id} module={module} />
              ))}
            </Tbody>
          </Table>
        </div>
      </section>
    </>
  );
}
