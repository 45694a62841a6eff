// How old what is shown is: quiet while fresh, plain when it is not.
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { formatAge, formatClock } from '../words/time';

const FRESH = 15_000;

export function DataAge({ asOf }: { asOf: string | undefined }) {
  const { t, i18n } = useTranslation();
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 5000);
    return () => clearInterval(timer);
  }, []);
  if (!asOf) return null;
  const clock = formatClock(asOf, i18n.language);
  const old = now - Date.parse(asOf) > FRESH;
  return (
    <time className={old ? 'data-age old' : 'data-age'} dateTime={asOf}>
      {old ? t('common.asOfAge', { time: clock, age: formatAge(asOf, i18n.language, now) }) : t('common.asOf', { time: clock })}
    </time>
  );
}
