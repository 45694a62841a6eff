import { Bullseye, EmptyState, EmptyStateActions, EmptyStateBody, EmptyStateFooter, PageSection, Title } from '@patternfly/react-core';
import { DesktopIcon } from '@patternfly/react-icons';
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, Navigate, useLocation } from 'react-router';
import { call } from '../api/call';
import type { Desktop, MyPool, Page } from '../api/types';
import { useLive } from '../live/LiveProvider';
import { Spinner } from '../pf/Spinner';
import { ProblemNote } from '../shell/ProblemNote';
import { useMe } from '../shell/session';
import { ReadAge } from '../list/DataAge';
import { REFRESH } from '../list/useList';
import { DesktopTile } from './DesktopTile';
import { PoolTile } from './PoolTile';
import { tilesOf } from './tiles';

export function useMyDesktops() {
  const { poll } = useLive();
  return useQuery({
    queryKey: ['desktop', 'mine'],
    queryFn: () => call('get', '/me/desktops', { query: { limit: 200 } }),
    refetchInterval: (query) => (query.state.data?.items.some((desktop: Desktop) => desktop.operation) ? 3000 : poll || REFRESH),
  });
}

export function useMyPools() {
  const { poll } = useLive();
  return useQuery({
    queryKey: ['pool', 'mine'],
    queryFn: () => call('get', '/pools', { query: { limit: 200, mine: true } }) as Promise<Page<MyPool>>,
    refetchInterval: poll || REFRESH,
  });
}

/** The key of the page that the browser came to; every page that was walked to has one of its own. */
const ARRIVAL = 'default';

export function HomePage() {
  const { t } = useTranslation();
  const me = useMe();
  const arrived = useLocation().key === ARRIVAL;
  const desktops = useMyDesktops();
  const pools = useMyPools();
  useEffect(() => {
    document.title = t('home.documentTitle');
  }, [t]);

  const error = desktops.error ?? pools.error;
  const ready = desktops.data !== undefined && pools.data !== undefined;
  const tiles = ready ? tilesOf(desktops.data.items, pools.data.items) : [];
  // A module's portal has no administration (and no events).
  const administers = me.role === 'admin' && me.events;
  // Who came to the installation's address with no desktop to go to came to look after it.
  if (administers && arrived && ready && tiles.length === 0) return <Navigate to="/admin" replace />;
  return (
    <PageSection className="home">
      <div className="home-head">
        <Title headingLevel="h1" size="3xl">
          {t('home.title')}
        </Title>
        <ReadAge asOf={desktops.data?.as_of} />
      </div>
      {error && <ProblemNote error={error} onRetry={() => void Promise.all([desktops.refetch(), pools.refetch()])} />}
      {!ready && !error && (
        <Bullseye>
          <Spinner />
        </Bullseye>
      )}
      {ready && tiles.length === 0 && (
        <EmptyState titleText={t('home.emptyTitle')} headingLevel="h2" icon={DesktopIcon}>
          <EmptyStateBody>{administers ? t('home.emptyAdmin') : t('home.emptyBody', { username: me.username })}</EmptyStateBody>
          {administers && (
            <EmptyStateFooter>
              <EmptyStateActions>
                <Link to="/admin" className="pf-v6-c-button pf-m-primary">
                  {t('home.administer')}
                </Link>
                <Link to="/admin/entitlements" className="pf-v6-c-button pf-m-link">
                  {t('nav.entitlements')}
                </Link>
              </EmptyStateActions>
            </EmptyStateFooter>
          )}
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
