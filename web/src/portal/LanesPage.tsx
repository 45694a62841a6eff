import { Bullseye, EmptyState, EmptyStateBody, PageSection } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import { LaneTable } from '../lanes/LaneTable';
import { Spinner } from '../pf/Spinner';
import { PageHead } from '../shell/PageHead';
import { ProblemNote } from '../shell/ProblemNote';
import { useMe } from '../shell/session';

const NONE: never[] = [];

/** Whether this device reaches the lines that the person's desktops are shown over. */
export function LanesPage() {
  const { t } = useTranslation();
  const me = useMe();
  const query = useQuery({ queryKey: ['lanes', 'mine'], queryFn: () => call('get', '/me/lanes', { query: { limit: 200 } }) });
  const hosts = query.data?.items ?? NONE;
  return (
    <PageSection>
      <PageHead title={t('lanes.title')} lead={t('lanes.lead')} asOf={query.data?.as_of} />
      {query.error && <ProblemNote error={query.error} onRetry={() => void query.refetch()} />}
      {!query.data && !query.error && (
        <Bullseye>
          <Spinner />
        </Bullseye>
      )}
      {query.data && hosts.length === 0 && (
        <EmptyState titleText={t('lanes.emptyTitle')} headingLevel="h2" variant="sm">
          <EmptyStateBody>{t('lanes.emptyBody')}</EmptyStateBody>
        </EmptyState>
      )}
      {hosts.length > 0 && <LaneTable hosts={hosts} ca={me.events ? '/api/v1/ca.crt' : null} />}
    </PageSection>
  );
}
