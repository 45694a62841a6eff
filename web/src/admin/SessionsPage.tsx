import { Button } from '@patternfly/react-core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { call } from '../api/call';
import type { LiveConnection } from '../api/types';
import { ListTable } from '../list/ListTable';
import { useList } from '../list/useList';
import { Confirm } from '../shell/Confirm';
import { PageHead } from '../shell/PageHead';
import { useWrite } from '../shell/useWrite';
import { ToneLabel } from '../words/StateLabel';
import { formatAge, formatTime } from '../words/time';
import { useBservers, useModules } from './choices';

export function SessionsPage() {
  const { t, i18n } = useTranslation();
  const modules = useModules();
  const bservers = useBservers();
  const [ending, setEnding] = useState<LiveConnection | null>(null);
  const list = useList<LiveConnection>({ kind: 'connection', read: (query) => call('get', '/connections', { query }) });
  const end = useWrite({
    kinds: ['connection', 'desktop'],
    write: (row: LiveConnection) => call('delete', '/connections/{id}', { path: { id: row.id } }),
    done: (_, row) => t('sessions.ended', { username: row.username, name: row.desktop_name }),
  });
  return (
    <>
      <PageHead title={t('nav.sessions')} asOf={list.asOf} />
      <ListTable
        label={t('nav.sessions')}
        list={list}
        keyOf={(row) => row.id}
        empty={t('sessions.empty')}
        columns={[
          { title: t('field.person'), cell: (row) => <Link to={`/admin/desktops?person_id=${row.person_id}`}>{row.username}</Link> },
          { title: t('field.desktop'), cell: (row) => <Link to={`/admin/desktops/${row.desktop_id}`}>{row.desktop_name}</Link> },
          { title: t('sessions.screen'), cell: (row) => <ToneLabel tone={row.screen === 'open' ? 'success' : 'quiet'} text={t(`screen.${row.screen}`)} /> },
          { title: t('sessions.since'), cell: (row) => <time dateTime={row.since} title={formatTime(row.since, i18n.language)}>{formatAge(row.since, i18n.language)}</time> },
          { title: t('field.module'), cell: (row) => modules.byId.get(row.module_id)?.name ?? '–' },
          { title: t('field.bserver'), cell: (row) => (row.bserver_id ? <Link to={`/admin/bservers/${row.bserver_id}`}>{bservers.byId.get(row.bserver_id)?.name ?? '–'}</Link> : '–') },
        ]}
        actions={(row) => (
          <Button variant="link" isInline isDanger onClick={() => setEnding(row)} aria-label={`${t('sessions.end')}: ${row.username}, ${row.desktop_name}`}>
            {t('sessions.end')}
          </Button>
        )}
      />
      {ending && (
        <Confirm
          title={`${t('sessions.end')}: ${ending.username}, ${ending.desktop_name}`}
          body={t('sessions.endBody')}
          action={t('sessions.end')}
          isBusy={end.isPending}
          onCancel={() => setEnding(null)}
          onConfirm={() => end.mutate(ending, { onSettled: () => setEnding(null) })}
        />
      )}
    </>
  );
}
