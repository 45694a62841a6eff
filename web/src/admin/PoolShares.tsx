// How many desktops of the pool each module gets.
import { TextInput } from '@patternfly/react-core';
import { useTranslation } from 'react-i18next';
import type { Module, PoolShare } from '../api/types';
import { Bar } from './Bar';

interface PoolSharesProps {
  modules: readonly Module[];
  shares: Readonly<Record<string, number>>;
  acknowledged: readonly PoolShare[];
  onChange: (shares: Record<string, number>) => void;
}

export function PoolShares({ modules, shares, acknowledged, onChange }: PoolSharesProps) {
  const { t } = useTranslation();
  if (modules.length === 0) return <p className="quiet">{t('pools.noModules')}</p>;
  return (
    <div role="group" aria-labelledby="shares-title">
      {modules.map((module) => {
        const waiting = acknowledged.some((share) => share.module_id === module.id && share.state === 'wanted');
        return (
          <div key={module.id} className="share-row">
            <label htmlFor={`share-${module.id}`}>{module.name}</label>
            <TextInput
              id={`share-${module.id}`}
              type="number"
              min={0}
              max={1000}
              value={shares[module.id] ?? 0}
              onChange={(_, text) => onChange({ ...shares, [module.id]: Math.max(0, Number(text) || 0) })}
            />
            <span>
              <Bar label={t('overview.slots')} used={module.counts.slots_used} total={module.counts.slots} />
              {waiting && <span className="quiet">{t('pools.shareWaiting')}</span>}
            </span>
          </div>
        );
      })}
    </div>
  );
}
