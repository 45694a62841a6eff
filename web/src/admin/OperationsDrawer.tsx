// What is under way, at the bottom of every page: folded to one line, or a short list.
import { Button, Switch } from '@patternfly/react-core';
import { AngleDownIcon, AngleUpIcon } from '@patternfly/react-icons';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { call } from '../api/call';
import type { Operation } from '../api/types';
import { useLive } from '../live/LiveProvider';
import { useWrite } from '../shell/useWrite';
import { OperationStateLabel } from '../words/StateLabel';
import { formatAge } from '../words/time';
import { PercentBar } from './Bar';
import { isOpen, TargetLink, targetName } from './operationTarget';

const OPEN_KEY = 'bic.drawer.open';
const ALL_KEY = 'bic.drawer.all';
const SHOWN = 15;

/** A switch that this browser remembers. */
function useRemembered(key: string): [boolean, (value: boolean) => void] {
  const [value, setValue] = useState(() => localStorage.getItem(key) === 'true');
  return [
    value,
    (next) => {
      localStorage.setItem(key, String(next));
      setValue(next);
    },
  ];
}

function DrawerRow({ operation, onCancel }: { operation: Operation; onCancel: () => void }) {
  const { t, i18n } = useTranslation();
  return (
    <tr>
      <td>
        {t(`verb.${operation.verb}`, { defaultValue: operation.verb })} · <TargetLink operation={operation} />
      </td>
      <td>
        <OperationStateLabel state={operation.state} />
      </td>
      <td>
        {isOpen(operation) ? (
          <PercentBar label={operation.stage ? t(`stage.${operation.stage}`, { defaultValue: operation.stage }) : ''} percent={operation.percent} />
        ) : (
          <span className="quiet">{operation.error ? t(`problem.${operation.error.type.split('/').pop() ?? ''}`, { defaultValue: operation.error.title }) : ''}</span>
        )}
      </td>
      <td className="quiet">{operation.asked_by}</td>
      <td className="quiet">{formatAge(operation.created_at, i18n.language)}</td>
      <td>
        {isOpen(operation) && (
          <Button variant="link" isInline isDanger onClick={onCancel} aria-label={`${t('operations.cancel')}: ${targetName(operation, t)}`}>
            {t('operations.cancel')}
          </Button>
        )}
      </td>
    </tr>
  );
}

export function OperationsDrawer() {
  const { t } = useTranslation();
  const { poll } = useLive();
  const [open, setOpen] = useRemembered(OPEN_KEY);
  const [all, setAll] = useRemembered(ALL_KEY);
  const query = useQuery({
    queryKey: ['operation', 'list', 'drawer', all],
    queryFn: () => call('get', '/operations', { query: { limit: SHOWN, ...(all ? {} : { mine: true }) } }),
    refetchInterval: ({ state }) => (state.data?.items.some(isOpen) ? 3_000 : poll),
  });
  const cancel = useWrite({
    kinds: ['operation', 'desktop'],
    write: (operation: Operation) => call('post', '/operations/{id}/cancel', { path: { id: operation.id } }),
    done: (_, operation) => t('operations.cancelled', { name: targetName(operation, t) }),
  });
  const operations = query.data?.items ?? [];
  const running = operations.filter(isOpen).length;
  return (
    <aside className="operations" aria-label={t('drawer.title')}>
      <div className="operations-bar">
        <Button variant="plain" icon={open ? <AngleDownIcon /> : <AngleUpIcon />} aria-expanded={open} aria-controls="operations-body" onClick={() => setOpen(!open)}>
          {t('drawer.title')}
        </Button>
        <span className="quiet" role="status">
          {t('drawer.running', { count: running })}
        </span>
        <span className="operations-right">
          <Switch id="drawer-all" label={t('drawer.all')} isChecked={all} onChange={(_, value) => setAll(value)} />
        </span>
        <Link to="/admin/operations">{t('drawer.page')}</Link>
      </div>
      {/* The list scrolls by keyboard too. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div id="operations-body" className="operations-body" hidden={!open} role="group" aria-label={t('nav.operations')} tabIndex={0}>
        {operations.length === 0 ? (
          <p className="operations-empty">{t('drawer.empty')}</p>
        ) : (
          <table className="operations-table">
            <thead className="pf-v6-screen-reader">
              <tr>
                <th scope="col">{t('field.operation')}</th>
                <th scope="col">{t('field.state')}</th>
                <th scope="col">{t('field.progress')}</th>
                <th scope="col">{t('field.askedBy')}</th>
                <th scope="col">{t('field.createdAt')}</th>
                <th scope="col">{t('list.actions')}</th>
              </tr>
            </thead>
            <tbody>
              {operations.map((operation) => (
                <DrawerRow key={operation.id} operation={operation} onCancel={() => cancel.mutate(operation)} />
              ))}
            </tbody>
          </table>
        )}
      </div>
    </aside>
  );
}
