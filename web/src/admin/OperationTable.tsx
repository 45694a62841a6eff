import { Button } from '@patternfly/react-core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import { slugOf } from '../api/problem';
import type { Operation } from '../api/types';
import { ListTable } from '../list/ListTable';
import type { List } from '../list/useList';
import { useWrite } from '../shell/useWrite';
import { problemTitle } from '../words/problem';
import { OperationStateLabel } from '../words/StateLabel';
import { formatTime } from '../words/time';
import { PercentBar } from './Bar';
import { OperationDialog } from './OperationDialog';
import { isOpen, TargetLink, targetName } from './operationTarget';

interface OperationTableProps {
  list: List<Operation>;
  label: string;
  empty: string;
}

export function OperationTable({ list, label, empty }: OperationTableProps) {
  const { t, i18n } = useTranslation();
  const [shown, setShown] = useState<Operation | null>(null);
  const cancel = useWrite({
    kinds: ['operation', 'desktop'],
    write: (operation: Operation) => call('post', '/operations/{id}/cancel', { path: { id: operation.id } }),
    done: (_, operation) => t('operations.cancelled', { name: targetName(operation, t) }),
  });
  return (
    <>
      <ListTable
        label={label}
        list={list}
        keyOf={(row) => row.id}
        empty={empty}
        columns={[
          { title: t('field.operation'), cell: (row) => t(`verb.${row.verb}`, { defaultValue: row.verb }) },
          { title: t('field.target'), cell: (row) => <TargetLink operation={row} /> },
          { title: t('field.state'), cell: (row) => <OperationStateLabel state={row.state} /> },
          {
            title: t('field.progress'),
            cell: (row) =>
              isOpen(row) ? (
                <PercentBar label={row.stage ? t(`stage.${row.stage}`, { defaultValue: row.stage }) : ''} percent={row.percent} />
              ) : (
                <span className="wrap">{row.error ? problemTitle(slugOf(row.error), t, row.error.title) : row.children?.failed ? t('bulk.failed', { count: row.children.failed }) : ''}</span>
              ),
          },
          { title: t('field.askedBy'), cell: (row) => row.asked_by ?? '–' },
          { title: t('field.createdAt'), cell: (row) => formatTime(row.created_at, i18n.language) },
        ]}
        actions={(row) => (
          <span className="row-buttons">
            <Button variant="link" isInline onClick={() => setShown(row)} aria-label={`${t('home.details')}: ${targetName(row, t)}`}>
              {t('home.details')}
            </Button>
            {isOpen(row) && (
              <Button variant="link" isInline isDanger onClick={() => cancel.mutate(row)} aria-label={`${t('operations.cancel')}: ${targetName(row, t)}`}>
                {t('operations.cancel')}
              </Button>
            )}
          </span>
        )}
      />
      {shown && <OperationDialog operation={shown} onClose={() => setShown(null)} />}
    </>
  );
}
