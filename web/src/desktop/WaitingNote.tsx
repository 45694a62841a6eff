// An operation that waits for a law says so: nothing is wrong, and it goes on by itself.
import { useTranslation } from 'react-i18next';
import { slugOf } from '../api/problem';
import type { Operation } from '../api/types';
import { Alert } from '../pf/Alert';
import { problemWords } from '../words/problem';

const ENDED: readonly string[] = ['succeeded', 'failed', 'cancelled'];

export function WaitingNote({ operation }: { operation: Operation }) {
  const { t } = useTranslation();
  const law = operation.waiting;
  if (!law || ENDED.includes(operation.state)) return null;
  const words = problemWords(law, t);
  return (
    <Alert variant="info" isInline title={slugOf(law) === 'law-io' ? t('operation.waiting') : words.title} className="note">
      {words.sentence}
    </Alert>
  );
}
