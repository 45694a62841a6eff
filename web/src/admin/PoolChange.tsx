// The shares of a pool that are not in force yet: which modules have not said that they go by them.
import { AlertActionLink } from '@patternfly/react-core';
import { useTranslation } from 'react-i18next';
import type { Module, Pool } from '../api/types';
import { Alert } from '../pf/Alert';
import { formatTime } from '../words/time';

interface PoolChangeProps {
  change: NonNullable<Pool['change']>;
  modules: readonly Module[];
  onTakeBack: (shares: Record<string, number>) => void;
}

/** Taking it back is another change: the form's shares become those in force, to be saved. */
export function PoolChange({ change, modules, onTakeBack }: PoolChangeProps) {
  const { t, i18n } = useTranslation();
  const names = change.waiting_for.map((id) => modules.find((module) => module.id === id)?.name ?? id);
  const takeBack = () => onTakeBack(Object.fromEntries(change.in_force.map(({ module_id, size }) => [module_id, size])));
  return (
    <Alert
      isInline
      variant="warning"
      title={t('pools.changeWaits', { modules: names.join(', '), since: formatTime(change.since, i18n.language) })}
      actionLinks={<AlertActionLink onClick={takeBack}>{t('pools.changeTakeBack')}</AlertActionLink>}
    >
      {t('pools.changeMeans')}
    </Alert>
  );
}
