// A capacity bar with its numbers in words; the colour only repeats what they say.
import { useTranslation } from 'react-i18next';
import { formatNumber } from '../words/time';

const HIGH = 0.9;

interface BarProps {
  label: string;
  used: number;
  total: number;
  format?: (value: number) => string;
  /** In a table the column's title already says the label. */
  isLabelHidden?: boolean;
}

export function Bar({ label, used, total, format, isLabelHidden = false }: BarProps) {
  const { t, i18n } = useTranslation();
  const write = format ?? ((value: number) => formatNumber(value, i18n.language));
  const share = total > 0 ? Math.min(1, used / total) : 0;
  return (
    <div className="bar">
      <span className="bar-words">
        <span className={isLabelHidden ? 'pf-v6-screen-reader' : undefined}>{label}</span>
        <span>{t('bar.words', { used: write(used), total: write(total) })}</span>
      </span>
      <div className="bar-track" aria-hidden="true">
        <div className={share >= HIGH ? 'bar-fill high' : 'bar-fill'} style={{ width: `${share * 100}%` }} />
      </div>
    </div>
  );
}

export function PercentBar({ label, percent }: { label: string; percent: number }) {
  return (
    <div className="bar">
      <span className="bar-words">
        <span>{label}</span>
        <span>{percent} %</span>
      </span>
      <div className="bar-track" aria-hidden="true">
        <div className="bar-fill" style={{ width: `${percent}%` }} />
      </div>
    </div>
  );
}
