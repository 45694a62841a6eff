// A page that cannot be drawn, or whose part of the program cannot be loaded, says so; what is around it goes on.
import { Button, EmptyState, EmptyStateActions, EmptyStateBody, EmptyStateFooter, PageSection } from '@patternfly/react-core';
import { Component, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

function BrokenPage() {
  const { t } = useTranslation();
  return (
    <PageSection>
      <EmptyState titleText={t('broken.title')} headingLevel="h1" status="danger">
        <EmptyStateBody>{t('broken.body')}</EmptyStateBody>
        <EmptyStateFooter>
          <EmptyStateActions>
            <Button onClick={() => window.location.reload()}>{t('common.reload')}</Button>
          </EmptyStateActions>
        </EmptyStateFooter>
      </EmptyState>
    </PageSection>
  );
}

interface PageBoundaryProps {
  /** The page's address: another page is tried anew. */
  at: string;
  /** What stands around the message where nothing else does any more. */
  around?: (page: ReactNode) => ReactNode;
  children: ReactNode;
}

export class PageBoundary extends Component<PageBoundaryProps, { isBroken: boolean }> {
  override state = { isBroken: false };

  static getDerivedStateFromError() {
    return { isBroken: true };
  }

  override componentDidUpdate(before: PageBoundaryProps) {
    if (this.state.isBroken && before.at !== this.props.at) this.setState({ isBroken: false });
  }

  override render() {
    if (!this.state.isBroken) return this.props.children;
    return this.props.around ? this.props.around(<BrokenPage />) : <BrokenPage />;
  }
}
