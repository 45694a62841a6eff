// How old what is shown is: quiet while fresh, plain when it is not.
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLive } from '../live/LiveProvider';
import { formatAge, formatClock } from '../words/time';

/** More than lists leave between two readings (useList). */
const FRESH = 45_000;

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

/** Of a page: only where changes are not pushed, or the server is silent. Else what is shown is how it is. */
export function ReadAge({ asOf }: { asOf: string | undefined }) {
  const { feed, silence } = useLive();
  return silence || feed === 'lost' || feed === 'polling' ? <DataAge asOf={asOf} /> : null;
}
