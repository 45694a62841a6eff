// How much of a bServer's I/O limit is taken.
import { useTranslation } from 'react-i18next';
import type { BserverIo } from '../api/types';
import { formatRate } from '../words/time';
import { Bar } from './Bar';

export function IoBar({ io, isLabelHidden = false }: { io: BserverIo | null; isLabelHidden?: boolean }) {
  const { t, i18n } = useTranslation();
  if (!io) return '–';
  return <Bar label={t('io.total')} used={io.total} total={io.limit} format={(rate) => formatRate(rate, i18n.language)} isLabelHidden={isLabelHidden} />;
}
