// A capacity bar with its numbers in words; the colour only repeats what they say.
import { useTranslation } from 'react-i18next';
import { formatNumber } from '../words/time';

const HIGH = 0.9;

interface BarProps {
  label: string;
  used: number;
  total: number;
  format?: (value: number) => string;
}

export function Bar({ label, used, total, format }: BarProps) {
  const { t, i18n } = useTranslation();
  const write = format ?? ((value: number) => formatNumber(value, i18n.language));
  const share = total > 0 ? Math.min(1, used / total) : 0;
  return (
    <div className="bar">
      <span className="bar-words">{t('bar.words', { label, used: write(used), total: write(total) })}</span>
      <div className="bar-track" aria-hidden="true">
        <div className={share >= HIGH ? 'bar-fill high' : 'bar-fill'} style={{ width: `${share * 100}%` }} />
      </div>
    </div>
  );
}
