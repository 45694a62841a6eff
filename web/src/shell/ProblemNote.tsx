// A problem where it happened: what, why, and the number to give to support.
import { Alert, AlertActionLink, ClipboardCopy } from '@patternfly/react-core';
import { useTranslation } from 'react-i18next';
import { asProblem } from '../api/problem';
import { problemWords } from '../words/problem';

export function ProblemNote({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { t } = useTranslation();
  const words = problemWords(asProblem(error), t);
  return (
    <Alert component="p"
      variant="danger"
      isInline
      title={words.title}
      className="problem"
      actionLinks={onRetry ? <AlertActionLink onClick={onRetry}>{t('common.tryAgain')}</AlertActionLink> : undefined}
    >
      {words.detail && <p>{words.detail}</p>}
      {words.fields.map((field) => (
        <p key={field}>{field}</p>
      ))}
      {words.trace && (
        <div className="trace">
          {t('common.traceLabel')}{' '}
          <ClipboardCopy variant="inline-compact" isCode hoverTip={t('common.copy')} clickTip={t('common.copied')} copyAriaLabel={t('common.copy')}>
            {words.trace}
          </ClipboardCopy>
        </div>
      )}
    </Alert>
  );
}
