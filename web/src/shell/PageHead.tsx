import { Content, Title } from '@patternfly/react-core';
import { type ReactNode, useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { ReadAge } from '../list/DataAge';

interface PageHeadProps {
  title: string;
  lead?: string;
  asOf?: string | undefined;
  children?: ReactNode;
}

export function PageHead({ title, lead, asOf, children }: PageHeadProps) {
  const { t } = useTranslation();
  useEffect(() => {
    document.title = t('page.documentTitle', { title });
  }, [t, title]);
  return (
    <header className="page-head">
      <div className="page-head-words">
        <Title headingLevel="h1" size="2xl">
          {title}
        </Title>
        {lead && <Content component="small">{lead}</Content>}
      </div>
      <div className="page-head-actions">
        <ReadAge asOf={asOf} />
        {children}
      </div>
    </header>
  );
}
