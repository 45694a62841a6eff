// How many desktops of the pool each module gets.
import { TextInput } from '@patternfly/react-core';
import { useTranslation } from 'react-i18next';
import type { Module, PoolShare } from '../api/types';
import { useField } from '../form/errors';
import { FieldHelp } from '../form/fields';
import { Bar } from './Bar';

interface PoolSharesProps {
  modules: readonly Module[];
  shares: Readonly<Record<string, number>>;
  acknowledged: readonly PoolShare[];
  onChange: (shares: Record<string, number>) => void;
}

interface ShareRowProps {
  module: Module;
  size: number;
  isWaiting: boolean;
  onChange: (size: number) => void;
}

function ShareRow({ module, size, isWaiting, onChange }: ShareRowProps) {
  const { t } = useTranslation();
  const name = `shares/${module.id}`;
  const error = useField({ path: `/${name}`, label: module.name, show: String });
  return (
    <div className="share-row">
      <label htmlFor={`share-${module.id}`}>{module.name}</label>
      <span>
        <TextInput
          id={`share-${module.id}`}
          type="number"
          min={0}
          max={1000}
          value={size}
          validated={error ? 'error' : 'default'}
          onChange={(_, text) => onChange(Math.max(0, Number(text) || 0))}
          {...(error ? { 'aria-describedby': `field-shares-${module.id}-help` } : {})}
        />
        <FieldHelp name={name} error={error} />
      </span>
      <span>
        <Bar label={t('overview.slots')} used={module.counts.slots_used} total={module.counts.slots} />
        {isWaiting && <span className="quiet">{t('pools.shareWaiting')}</span>}
      </span>
    </div>
  );
}

/** What is wrong with the shares as a whole is at the group; the focus goes to its first field. */
export function PoolShares({ modules, shares, acknowledged, onChange }: PoolSharesProps) {
  const { t } = useTranslation();
  const nameOf = (id: string) => modules.find((module) => module.id === id)?.name ?? id;
  const error = useField({
    path: '/shares',
    label: t('pools.shares'),
    show: (value) =>
      Object.entries(value as Record<string, number>)
        .map(([id, size]) => `${nameOf(id)} ${size}`)
        .join(', '),
  });
  if (modules.length === 0) return <p className="quiet">{t('pools.noModules')}</p>;
  return (
    <div id="shares" role="group" aria-labelledby="shares-title" tabIndex={-1} data-invalid={Boolean(error)} {...(error ? { 'aria-describedby': 'field-shares-help' } : {})}>
      {modules.map((module) => (
        <ShareRow
          key={module.id}
          module={module}
          size={shares[module.id] ?? 0}
          isWaiting={acknowledged.some((share) => share.module_id === module.id && share.state === 'wanted')}
          onChange={(size) => onChange({ ...shares, [module.id]: size })}
        />
      ))}
      <FieldHelp name="shares" error={error} />
    </div>
  );
}
