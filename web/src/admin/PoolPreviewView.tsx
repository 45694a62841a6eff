// What the pool needs and what is free, module by module, as the server computes it; before it is made.
import { Label } from '@patternfly/react-core';
import { CheckCircleIcon, ExclamationTriangleIcon } from '@patternfly/react-icons';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import type { NewPool, PoolPreview } from '../api/types';
import { DataAge } from '../list/DataAge';
import { Spinner } from '../pf/Spinner';
import { ProblemNote } from '../shell/ProblemNote';
import { formatMib, formatNumber } from '../words/time';
import { lawWords, needsOf } from './poolPreview';

type PreviewModule = PoolPreview['modules'][number];

function ModulePreview({ module }: { module: PreviewModule }) {
  const { t, i18n } = useTranslation();
  const number = (value: number) => formatNumber(value, i18n.language);
  const write = { memory_mib: (value: number) => formatMib(value, i18n.language), storage_gib: (value: number) => `${number(value)} GiB` };
  return (
    <section className="preview-module">
      <h3>
        {module.name}{' '}
        <Label status={module.law ? 'warning' : 'success'} icon={module.law ? <ExclamationTriangleIcon /> : <CheckCircleIcon />}>
          {module.law ? t('preview.short', { room: number(module.room), add: number(module.add) }) : t('preview.fits', { count: module.add, number: number(module.add) })}
        </Label>
        {module.state === 'silent' && <DataAge asOf={module.as_of ?? undefined} />}
      </h3>
      {module.law && <p className="preview-law">{lawWords(module, t, i18n.language)}</p>}
      <table className="preview-table">
        <thead>
          <tr>
            <td />
            <th scope="col">{t('preview.needs')}</th>
            <th scope="col">{t('preview.free')}</th>
          </tr>
        </thead>
        <tbody>
          {needsOf(module).map(({ name, needs, free, isShort }) => {
            const words = name === 'memory_mib' || name === 'storage_gib' ? write[name] : number;
            return (
              <tr key={name} className={isShort ? 'short' : undefined}>
                <th scope="row">{t(`preview.resource.${name}`)}</th>
                <td>{words(needs)}</td>
                <td>
                  {words(free)} {isShort && <ExclamationTriangleIcon aria-label={t('preview.tooFew')} role="img" />}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <p className="quiet">
        {t('preview.hosts', { up: module.bservers_up, all: module.bservers })}
        {module.made > 0 && ` ${t('preview.made', { count: module.made })}`}
        {module.promised.slots > 0 && ` ${t('preview.promised', { count: module.promised.slots })}`}
      </p>
    </section>
  );
}

const PAUSE = 400;

/** The value once it has not changed for a moment. */
function useSettled(value: string): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), PAUSE);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

export function PoolPreviewView({ pool, poolId }: { pool: NewPool; poolId: string | undefined }) {
  const { t } = useTranslation();
  const about = useSettled(JSON.stringify({ ...pool, ...(poolId ? { pool_id: poolId } : {}) }));
  const isReady = pool.image_id !== '' && pool.spec_id !== '' && pool.name !== '' && pool.shares.some(({ size }) => size > 0);
  const preview = useQuery({
    // Of no kind that changes: its own save would have it asked again, with a name that is taken then.
    queryKey: ['preview', about],
    refetchInterval: 15_000,
    queryFn: () => call('post', '/pools/preview', { body: JSON.parse(about) as NewPool }),
    placeholderData: keepPreviousData,
    enabled: isReady,
    retry: false,
  });
  if (!isReady) return <p className="cost quiet">{t('pools.costNone')}</p>;
  if (preview.error) return <ProblemNote error={preview.error} onRetry={() => void preview.refetch()} />;
  if (!preview.data) return <Spinner />;
  return (
    <div aria-live="polite" className="preview">
      {preview.data.modules.map((module) => (
        <ModulePreview key={module.module_id} module={module} />
      ))}
      {!preview.data.fits && <p>{t('preview.shortMeans')}</p>}
    </div>
  );
}
