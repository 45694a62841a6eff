// What went wrong with a form. A stale one has one cure: read the thing again.
import { Alert, AlertActionLink } from '@patternfly/react-core';
import { useTranslation } from 'react-i18next';
import { ApiProblem } from '../api/problem';
import { ProblemNote } from '../shell/ProblemNote';

export function FormProblem({ error, onReload }: { error: unknown; onReload: () => void }) {
  const { t } = useTranslation();
  if (!error) return null;
  if (error instanceof ApiProblem && error.status === 412) {
    return (
      <Alert component="p" variant="warning" isInline title={t('form.stale')} actionLinks={<AlertActionLink onClick={onReload}>{t('common.reload')}</AlertActionLink>}>
        {t('form.staleBody')}
      </Alert>
    );
  }
  return <ProblemNote error={error} />;
}
