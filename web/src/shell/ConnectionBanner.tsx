// The server is silent: say so with the age of what is shown, and where one can go on meanwhile.
import { Banner, Flex } from '@patternfly/react-core';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLive } from '../live/LiveProvider';
import { formatAge, formatClock } from '../words/time';
import { OtherPortals } from './OtherPortals';

export function ConnectionBanner() {
  const { t, i18n } = useTranslation();
  const { silence, lastAnswer } = useLive();
  const [, setTick] = useState(0);
  useEffect(() => {
    if (!silence) return undefined;
    const timer = setInterval(() => setTick((tick) => tick + 1), 1000);
    return () => clearInterval(timer);
  }, [silence]);
  if (!silence) return null;
  return (
    <Banner status="warning" screenReaderText={t('banner.warning')} className="connection-banner">
      <Flex columnGap={{ default: 'columnGapMd' }} rowGap={{ default: 'rowGapNone' }}>
        <span role="status">{t(silence === 'unreachable' ? 'banner.silent' : 'banner.noData')}</span>
        <span>
          {t('banner.age', { time: formatClock(lastAnswer, i18n.language), age: formatAge(lastAnswer, i18n.language) })}
        </span>
        <OtherPortals />
      </Flex>
    </Banner>
  );
}
