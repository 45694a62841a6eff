// The whole tree: blocks, their xCenters and modules with sums, and on demand a module's bServers.
// One request for the tree, one for each module that is opened.
import { Button } from '@patternfly/react-core';
import { AngleDownIcon, AngleRightIcon } from '@patternfly/react-icons';
import { useQuery } from '@tanstack/react-query';
import { useId } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { call } from '../api/call';
import type { Bserver, TopologyBlock, TopologyModule } from '../api/types';
import { DataAge } from '../list/DataAge';
import { useFilters } from '../list/useFilters';
import { REFRESH } from '../list/useList';
import { useLive } from '../live/LiveProvider';
import { Spinner } from '../pf/Spinner';
import { PageHead } from '../shell/PageHead';
import { ProblemNote } from '../shell/ProblemNote';
import { NodeStateLabel } from '../words/StateLabel';
import { formatMib, formatNumber } from '../words/time';
import { Bar } from './Bar';
import { type Fill, fillOf, isBlockSilent, sumOf } from './topology';

function Gauges({ fill }: { fill: Fill }) {
  const { t, i18n } = useTranslation();
  const memory = (mib: number) => formatMib(mib, i18n.language);
  return (
    <div className="tree-gauges">
      <Bar label={t('overview.slots')} used={fill.slots_used} total={fill.slots} />
      <Bar label={t('bservers.memory')} used={fill.memory_used_mib} total={fill.memory_mib} format={memory} />
      {fill.vfs > 0 && <Bar label={t('topology.vfs')} used={fill.vfs_used} total={fill.vfs} />}
    </div>
  );
}

interface TwistyProps {
  name: string;
  isOpen: boolean;
  controls: string;
  onToggle: () => void;
}

function Twisty({ name, isOpen, controls, onToggle }: TwistyProps) {
  return (
    <Button variant="plain" className="twisty" icon={isOpen ? <AngleDownIcon /> : <AngleRightIcon />} aria-expanded={isOpen} aria-controls={controls} onClick={onToggle}>
      {name}
    </Button>
  );
}

function Bservers({ module }: { module: TopologyModule }) {
  const { t, i18n } = useTranslation();
  const { poll } = useLive();
  const list = useQuery({
    queryKey: ['bserver', 'list', 'module', module.id],
    queryFn: () => call('get', '/bservers', { query: { module_id: module.id, limit: 200 } }),
    refetchInterval: poll || REFRESH,
  });
  if (list.isPending) return <Spinner />;
  if (!list.data) return <ProblemNote error={list.error} onRetry={() => void list.refetch()} />;
  if (list.data.items.length === 0) return <p className="quiet">{t('bservers.empty')}</p>;
  return (
    <ul className="tree-bservers">
      {list.data.items.map((bserver: Bserver) => (
        <li key={bserver.id} className={bserver.state === 'silent' ? 'stale' : undefined}>
          <span className="tree-line">
            <Link to={`/admin/bservers/${bserver.id}`}>{bserver.name}</Link>
            <NodeStateLabel state={bserver.state} />
            <Link to={`/admin/desktops?bserver_id=${bserver.id}`}>{t('topology.desktops', { count: bserver.desktops, number: formatNumber(bserver.desktops, i18n.language) })}</Link>
            {bserver.state === 'silent' && <DataAge asOf={bserver.as_of} />}
          </span>
          <Gauges fill={bserver} />
        </li>
      ))}
    </ul>
  );
}

interface OpenNodes {
  has(id: string): boolean;
  toggle(id: string): void;
}

function ModuleNode({ module, open }: { module: TopologyModule; open: OpenNodes }) {
  const { t, i18n } = useTranslation();
  const id = useId();
  const isOpen = open.has(module.id);
  const isSilent = module.state === 'silent';
  return (
    <li className={isSilent ? 'tree-module stale' : 'tree-module'}>
      <div className="tree-row">
        <span className="tree-line">
          <Twisty name={module.name} isOpen={isOpen} controls={id} onToggle={() => open.toggle(module.id)} />
          <NodeStateLabel state={module.state} />
          <Link to={`/admin/desktops?module_id=${module.id}`}>{t('topology.desktops', { count: module.desktops, number: formatNumber(module.desktops, i18n.language) })}</Link>
          <span className="quiet">{t('topology.running', { running: formatNumber(module.running, i18n.language), sessions: formatNumber(module.sessions, i18n.language) })}</span>
          <span className="quiet">{t('topology.bservers', { up: module.bservers_up, all: module.bservers })}</span>
          {module.bservers_maintenance > 0 && <span>{t('topology.maintenance', { count: module.bservers_maintenance })}</span>}
          {isSilent && <DataAge asOf={module.as_of ?? undefined} />}
        </span>
        <Gauges fill={module} />
      </div>
      <div id={id} hidden={!isOpen}>
        {isOpen && <Bservers module={module} />}
      </div>
    </li>
  );
}

function BlockNode({ block, open }: { block: TopologyBlock; open: OpenNodes }) {
  const { t, i18n } = useTranslation();
  const id = useId();
  const isOpen = open.has(block.id);
  const sum = sumOf(block);
  return (
    <li className="panel tree-block">
      <div className="tree-row">
        <span className="tree-line">
          <h2>
            <Twisty name={block.name} isOpen={isOpen} controls={id} onToggle={() => open.toggle(block.id)} />
          </h2>
          {isBlockSilent(block) && <NodeStateLabel state="silent" />}
          <span className="quiet">{t('topology.block', { modules: block.modules.length, up: sum.bservers_up, bservers: sum.bservers, desktops: formatNumber(sum.desktops, i18n.language) })}</span>
          {sum.bservers_maintenance > 0 && <span>{t('topology.maintenance', { count: sum.bservers_maintenance })}</span>}
        </span>
        <Gauges fill={fillOf(block)} />
      </div>
      <div id={id} hidden={!isOpen}>
        {isOpen && (
          <>
            <ul className="tree-xcenters">
              {block.xcenters.map((xcenter) => (
                <li key={xcenter.id} className="tree-line">
                  <span>{t('nodeKind.xcenter')}</span>
                  <NodeStateLabel state={xcenter.state} />
                  {xcenter.url && <span className="mono">{xcenter.url}</span>}
                  {xcenter.state === 'silent' && <DataAge asOf={xcenter.last_heard ?? undefined} />}
                </li>
              ))}
            </ul>
            <ul className="tree-modules">
              {block.modules.map((module) => (
                <ModuleNode key={module.id} module={module} open={open} />
              ))}
            </ul>
          </>
        )}
      </div>
    </li>
  );
}

export function TopologyPage() {
  const { t } = useTranslation();
  const { poll } = useLive();
  // What is open is in the address: it can be linked to, and "back" finds it again.
  const filters = useFilters(['open'] as const);
  const ids = new Set((filters.values.open ?? '').split(',').filter(Boolean));
  const tree = useQuery({
    queryKey: ['module', 'list', 'topology'],
    queryFn: () => call('get', '/topology', { query: { limit: 200 } }),
    refetchInterval: poll || REFRESH,
  });
  const blocks = tree.data?.items ?? [];
  // A lone block is open: there is nothing to choose from.
  const open: OpenNodes = {
    has: (id) => (blocks.length === 1 && blocks[0]?.id === id) !== ids.has(id),
    toggle: (id) => {
      const next = new Set(ids);
      if (!next.delete(id)) next.add(id);
      filters.set('open', [...next].join(','));
    },
  };
  return (
    <>
      <PageHead title={t('nav.topology')} lead={t('topology.lead')} asOf={tree.data?.as_of} />
      {tree.error && <ProblemNote error={tree.error} onRetry={() => void tree.refetch()} />}
      {tree.isPending && <Spinner />}
      {tree.data && blocks.length === 0 && <p className="quiet">{t('nodes.noBlocks')}</p>}
      <ul className="tree">
        {blocks.map((block) => (
          <BlockNode key={block.id} block={block} open={open} />
        ))}
      </ul>
    </>
  );
}
