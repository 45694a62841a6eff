// A problem where it happened: what, why, and the number to give to support. Read aloud as it appears.
import { AlertActionLink, ClipboardCopy } from '@patternfly/react-core';
import { useTranslation } from 'react-i18next';
import { asProblem } from '../api/problem';
import { Alert } from '../pf/Alert';
import { type ProblemWords, problemWords } from '../words/problem';

/** What the server itself says, folded: it is English, and for support. */
export function ServerSaid({ words }: { words: ProblemWords }) {
  const { t } = useTranslation();
  if (!words.detail) return null;
  return (
    <details className="server-said">
      <summary>{t('common.serverSaid')}</summary>
      <p lang="en">{words.detail}</p>
    </details>
  );
}

interface ProblemNoteProps {
  error: unknown;
  onRetry?: () => void;
  /** Members whose fault a field on the page shows: they are not listed again. */
  isShown?: (pointer: string) => boolean;
}

export function ProblemNote({ error, onRetry, isShown }: ProblemNoteProps) {
  const { t } = useTranslation();
  const words = problemWords(asProblem(error), t, isShown);
  return (
    <Alert
      role="alert"
      isLiveRegion
      aria-live="assertive"
      aria-atomic="true"
      variant="danger"
      isInline
      title={words.title}
      className="problem"
      actionLinks={onRetry ? <AlertActionLink onClick={onRetry}>{t('common.tryAgain')}</AlertActionLink> : undefined}
    >
      {words.sentence && <p>{words.sentence}</p>}
      {words.fields.map((field) => (
        <p key={field}>{field}</p>
      ))}
      <ServerSaid words={words} />
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
