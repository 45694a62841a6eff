import { Button } from '@patternfly/react-core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import type { Node } from '../api/types';
import { ListTable } from '../list/ListTable';
import { useList } from '../list/useList';
import { PageHead } from '../shell/PageHead';
import { NodeStateLabel } from '../words/StateLabel';
import { formatAge, formatTime } from '../words/time';
import { useModules } from './choices';
import { DeleteDialog } from './DeleteDialog';
import { JoinDialog } from './JoinDialog';

export function NodesPage() {
  const { t, i18n } = useTranslation();
  const [joining, setJoining] = useState(false);
  const [deleting, setDeleting] = useState<Node | null>(null);
  const modules = useModules();
  const nodes = useList<Node>({ kind: 'node', read: (query) => call('get', '/nodes', { query }) });
  const blocks = useList({ kind: 'block', read: (query) => call('get', '/blocks', { query }) });
  return (
    <>
      <PageHead title={t('nav.nodes')} lead={t('nodes.lead')} asOf={nodes.asOf}>
        <Button onClick={() => setJoining(true)}>{t('nodes.join')}</Button>
      </PageHead>
      <section className="panel">
        <h2>{t('nodes.blocks')}</h2>
        {blocks.items.length === 0 && <p className="quiet">{t('nodes.noBlocks')}</p>}
        {blocks.items.map((block) => (
          <div key={block.id} className="block">
            <h3>{block.name}</h3>
            <ul>
              {block.xcenters.map((xcenter) => (
                <li key={xcenter.id}>
                  <span>{t('nodeKind.xcenter')}</span> <span className="mono">{xcenter.url}</span> <NodeStateLabel state={xcenter.state} />
                </li>
              ))}
              {block.modules.map((id) => {
                const module = modules.byId.get(id);
                return (
                  <li key={id}>
                    <span>{t('nodeKind.bcenter')}</span> <span>{module?.name ?? id}</span> {module && <NodeStateLabel state={module.state} />}
                    {module && <span className="quiet">{t('nodes.moduleVersion', { version: module.version, epoch: module.epoch })}</span>}
                  </li>
                );
              })}
            </ul>
          </div>
        ))}
      </section>
      <ListTable
        label={t('nav.nodes')}
        list={nodes}
        keyOf={(row) => row.id}
        empty={t('nodes.empty')}
        columns={[
          { title: t('field.name'), cell: (row) => row.name },
          { title: t('field.kind'), cell: (row) => t(`nodeKind.${row.kind}`, { defaultValue: row.kind }) },
          { title: t('nodes.serial'), cell: (row) => <span className="mono">{row.serial}</span> },
          { title: t('nodes.notAfter'), cell: (row) => formatTime(row.not_after, i18n.language) },
          { title: t('field.lastHeard'), cell: (row) => (row.last_heard ? formatAge(row.last_heard, i18n.language) : '–') },
        ]}
        actions={(row) => (
          <Button variant="link" isInline isDanger onClick={() => setDeleting(row)} aria-label={`${t('nodes.forget')}: ${row.name}`}>
            {t('nodes.forget')}
          </Button>
        )}
      />
      {joining && <JoinDialog onClose={() => setJoining(false)} />}
      {deleting && <DeleteDialog path="/nodes/{id}" kind="node" thing={deleting} action={t('nodes.forget')} body={t('nodes.forgetBody')} onClose={() => setDeleting(null)} />}
    </>
  );
}
