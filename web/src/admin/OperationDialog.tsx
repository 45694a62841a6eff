import { Button, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import { ApiProblem } from '../api/problem';
import type { Operation } from '../api/types';
import { StageList } from '../desktop/StageList';
import { Modal } from '../pf/Modal';
import { ProblemNote } from '../shell/ProblemNote';
import { OperationStateLabel } from '../words/StateLabel';
import { formatTime } from '../words/time';
import { BulkProgress } from './BulkProgress';
import { Facts } from './Facts';
import { targetName } from './operationTarget';

export function OperationDialog({ operation: first, onClose }: { operation: Operation; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const query = useQuery({
    queryKey: ['operation', 'one', first.id],
    queryFn: () => call('get', '/operations/{id}', { path: { id: first.id } }),
    initialData: first,
  });
  const operation = query.data;
  const time = (iso: string | null) => formatTime(iso, i18n.language);
  return (
    <Modal variant="medium" onClose={onClose} aria-labelledby="operation-title">
      <ModalHeader title={`${t(`verb.${operation.verb}`, { defaultValue: operation.verb })}: ${targetName(operation, t)}`} labelId="operation-title" />
      <ModalBody tabIndex={0} aria-label={t('home.details')}>
        {operation.children ? (
          <BulkProgress operation={operation} />
        ) : (
          <>
            <OperationStateLabel state={operation.state} />
            <StageList operation={operation} />
          </>
        )}
        {operation.error && <ProblemNote error={new ApiProblem(operation.error)} />}
        <Facts
          facts={[
            [t('field.askedBy'), operation.asked_by],
            [t('field.createdAt'), time(operation.created_at)],
            [t('field.startedAt'), time(operation.started_at)],
            [t('field.endedAt'), time(operation.ended_at)],
            [t('field.deadline'), time(operation.deadline)],
            [t('field.id'), <span key="id" className="mono">{operation.id}</span>],
          ]}
        />
      </ModalBody>
      <ModalFooter>
        <Button onClick={onClose}>{t('common.close')}</Button>
      </ModalFooter>
    </Modal>
  );
}
