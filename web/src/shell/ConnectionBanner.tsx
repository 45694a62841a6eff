// The server is silent: say so with the age of what is shown, and where one can go on meanwhile.
import { Banner, Flex } from '@patternfly/react-core';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { otherPortals } from '../api/session';
import { useLive } from '../live/LiveProvider';
import { formatAge, formatClock } from '../words/time';

export function ConnectionBanner() {
  const { t, i18n } = useTranslation();
  const { silentSince, lastAnswer } = useLive();
  const [, setTick] = useState(0);
  useEffect(() => {
    if (!silentSince) return undefined;
    const timer = setInterval(() => setTick((tick) => tick + 1), 1000);
    return () => clearInterval(timer);
  }, [silentSince]);
  if (!silentSince) return null;
  const portals = otherPortals();
  return (
    <Banner status="warning" screenReaderText={t('banner.warning')} className="connection-banner">
      <Flex columnGap={{ default: 'columnGapMd' }} rowGap={{ default: 'rowGapNone' }}>
        <span role="status">{t('banner.silent')}</span>
        <span>
          {t('banner.age', { time: formatClock(lastAnswer, i18n.language), age: formatAge(lastAnswer, i18n.language) })}
        </span>
        {portals.length > 0 && (
          <span>
            {t('banner.goOn')}{' '}
            {portals.map((portal) => (
              <a key={portal.url} href={`${portal.url}/`} className="banner-link">
                {portal.name}
              </a>
            ))}
          </span>
        )}
      </Flex>
    </Banner>
  );
}
