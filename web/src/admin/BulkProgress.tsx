// How an order for many stands: counts, a bar, and those of its children that failed.
import { Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import { slugOf } from '../api/problem';
import type { Operation } from '../api/types';
import { useLive } from '../live/LiveProvider';
import { useWrite } from '../shell/useWrite';
import { problemTitle } from '../words/problem';
import { OperationStateLabel } from '../words/StateLabel';
import { formatNumber } from '../words/time';
import { PercentBar } from './Bar';
import { isOpen, TargetLink } from './operationTarget';

const COUNTS = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
/** Failed children that are shown. */
const SHOWN = 20;

export function BulkProgress({ operation: first }: { operation: Operation }) {
  const { t, i18n } = useTranslation();
  const { poll } = useLive();
  const { data: operation } = useQuery({
    queryKey: ['operation', 'one', first.id],
    queryFn: () => call('get', '/operations/{id}', { path: { id: first.id } }),
    initialData: first,
    refetchInterval: poll,
  });
  const children = operation.children;
  const failed = useQuery({
    queryKey: ['operation', 'list', 'failed', first.id, children?.failed ?? 0],
    queryFn: () => call('get', '/operations/{id}/children', { path: { id: first.id }, query: { state: 'failed', limit: SHOWN } }),
    enabled: (children?.failed ?? 0) > 0,
  });
  const cancel = useWrite({
    kinds: ['operation', 'desktop'],
    write: () => call('post', '/operations/{id}/cancel', { path: { id: first.id } }),
    done: () => t('operations.cancelled', { name: t('bulk.desktops', { count: children?.total ?? 0 }) }),
  });
  if (!children) return null;
  return (
    <div className="bulk-progress">
      <div className="state-line">
        <OperationStateLabel state={operation.state} />
        {isOpen(operation) && (
          <Button variant="link" isInline isDanger isDisabled={cancel.isPending} onClick={() => cancel.mutate(undefined)}>
            {t('bulk.cancelRest')}
          </Button>
        )}
      </div>
      <PercentBar label={t('bulk.desktops', { count: children.total })} percent={operation.percent} />
      <ul className="bulk-totals" aria-live="polite">
        {COUNTS.filter((name) => children[name] > 0).map((name) => (
          <li key={name}>
            {t(`operationState.${name}`)}: {formatNumber(children[name], i18n.language)}
          </li>
        ))}
      </ul>
      {failed.data && failed.data.items.length > 0 && (
        <ul className="bulk-failed">
          {failed.data.items.map((child) => (
            <li key={child.id}>
              <TargetLink operation={child} />: {child.error ? problemTitle(slugOf(child.error), t, child.error.title) : ''}
            </li>
          ))}
          {failed.data.next && <li>{t('bulk.more', { count: children.failed - failed.data.items.length })}</li>}
        </ul>
      )}
    </div>
  );
}
