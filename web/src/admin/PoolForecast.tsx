// What a pool's shares are short of, in numbers: "needs 40, 26 free".
import { useTranslation } from 'react-i18next';
import type { Pool } from '../api/types';
import { Alert } from '../pf/Alert';
import { useModules } from './choices';

type Lack = Pool['forecast'][number];

/** A process of the CCC that is a version older says nothing. */
const lacksOf = (pool: Partial<Pool>): readonly Lack[] => pool.forecast ?? [];

/** The lack that is largest, for where there is room for one line. */
export function worstOf(forecast: readonly Lack[]): Lack | undefined {
  return [...forecast].sort((a, b) => b.needs - b.free - (a.needs - a.free))[0];
}

export function useForecastWords(): (lack: Lack) => string {
  const { t } = useTranslation();
  return ({ law, needs, free }) => t('forecast.line', { of: t(`forecast.${law}`, { defaultValue: law }), needs, free });
}

export function PoolForecast({ pool }: { pool: Pool }) {
  const { t } = useTranslation();
  const modules = useModules();
  const words = useForecastWords();
  const lacks = lacksOf(pool);
  if (lacks.length === 0) return null;
  return (
    <Alert variant="warning" isInline title={t('forecast.title')} className="note">
      <ul>
        {lacks.map((lack) => (
          <li key={lack.module_id + lack.law}>
            {modules.byId.get(lack.module_id)?.name ?? lack.module_id}: {words(lack)}
          </li>
        ))}
      </ul>
    </Alert>
  );
}

/** A line in the list of pools. */
export function ForecastLine({ pool }: { pool: Pool }) {
  const { t } = useTranslation();
  const words = useForecastWords();
  const worst = worstOf(lacksOf(pool));
  return worst ? <>{words(worst)}</> : <span className="quiet">{t('forecast.enough')}</span>;
}
