import { Bullseye, EmptyState, EmptyStateBody, PageSection, Title } from '@patternfly/react-core';
import { DesktopIcon } from '@patternfly/react-icons';
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import type { Desktop } from '../api/types';
import { useLive } from '../live/LiveProvider';
import { Spinner } from '../pf/Spinner';
import { ProblemNote } from '../shell/ProblemNote';
import { useMe } from '../shell/session';
import { DataAge } from '../list/DataAge';
import { DesktopTile } from './DesktopTile';
import { PoolTile } from './PoolTile';
import { tilesOf } from './tiles';

export function useMyDesktops() {
  const { poll } = useLive();
  return useQuery({
    queryKey: ['desktop', 'mine'],
    queryFn: () => call('get', '/me/desktops', { query: { limit: 200 } }),
    refetchInterval: (query) => (query.state.data?.items.some((desktop: Desktop) => desktop.operation) ? 3000 : poll),
  });
}

export function useMyPools() {
  const { poll } = useLive();
  return useQuery({
    queryKey: ['pool', 'mine'],
    queryFn: () => call('get', '/pools', { query: { limit: 200 } }),
    refetchInterval: poll,
  });
}

export function HomePage() {
  const { t } = useTranslation();
  const me = useMe();
  const desktops = useMyDesktops();
  const pools = useMyPools();
  useEffect(() => {
    document.title = t('home.documentTitle');
  }, [t]);

  const error = desktops.error ?? pools.error;
  const ready = desktops.data !== undefined && pools.data !== undefined;
  const tiles = ready ? tilesOf(desktops.data.items, pools.data.items) : [];
  return (
    <PageSection className="home">
      <div className="home-head">
        <Title headingLevel="h1" size="3xl">
          {t('home.title')}
        </Title>
        <DataAge asOf={desktops.data?.as_of} />
      </div>
      {error && !ready && <ProblemNote error={error} onRetry={() => void Promise.all([desktops.refetch(), pools.refetch()])} />}
      {!ready && !error && (
        <Bullseye>
          <Spinner />
        </Bullseye>
      )}
      {ready && tiles.length === 0 && (
        <EmptyState titleText={t('home.emptyTitle')} headingLevel="h2" icon={DesktopIcon}>
          <EmptyStateBody>{me.role === 'admin' ? t('home.emptyAdmin') : t('home.emptyBody', { username: me.username })}</EmptyStateBody>
        </EmptyState>
      )}
      <ul className="tiles">
        {tiles.map((tile) => (
          <li key={tile.id}>
            {tile.kind === 'desktop' ? <DesktopTile name={tile.name} desktop={tile.desktop} /> : <PoolTile pool={tile.pool} />}
          </li>
        ))}
      </ul>
    </PageSection>
  );
}
