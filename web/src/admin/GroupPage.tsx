import { Bullseye, Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { call } from '../api/call';
import type { User } from '../api/types';
import { ListTable } from '../list/ListTable';
import { useList } from '../list/useList';
import { Spinner } from '../pf/Spinner';
import { PageHead } from '../shell/PageHead';
import { ProblemNote } from '../shell/ProblemNote';
import { useWrite } from '../shell/useWrite';
import { PersonPicker } from './PersonPicker';

export function GroupPage() {
  const { t } = useTranslation();
  const { id = '' } = useParams();
  const group = useQuery({ queryKey: ['group', 'one', id], queryFn: () => call('get', '/groups/{id}', { path: { id } }) });
  const members = useList<User>({ kind: 'group', filters: { members_of: id }, read: (query) => call('get', '/groups/{id}/members', { path: { id }, query }) });
  const add = useWrite({
    kinds: ['group'],
    write: (user: User) => call('put', '/groups/{id}/members/{user_id}', { path: { id, user_id: user.id } }),
    done: (_, user) => t('groups.added', { name: user.username }),
  });
  const remove = useWrite({
    kinds: ['group'],
    write: (user: User) => call('delete', '/groups/{id}/members/{user_id}', { path: { id, user_id: user.id } }),
    done: (_, user) => t('groups.removed', { name: user.username }),
  });
  if (!group.data) {
    return group.error ? (
      <ProblemNote error={group.error} onRetry={() => void group.refetch()} />
    ) : (
      <Bullseye>
        <Spinner />
      </Bullseye>
    );
  }
  const inGroup = new Set(members.items.map((user) => user.id));
  return (
    <>
      <PageHead title={group.data.name} lead={group.data.description} asOf={members.asOf} />
      <section className="panel">
        <PersonPicker label={t('groups.addPerson')} isExcluded={(user) => inGroup.has(user.id)} onPick={(user) => add.mutate(user)} />
      </section>
      <ListTable
        label={t('groups.members')}
        list={members}
        keyOf={(row) => row.id}
        empty={t('groups.noMembers')}
        columns={[
          { title: t('users.username'), cell: (row) => row.username },
          { title: t('users.displayName'), cell: (row) => row.display_name },
        ]}
        actions={(row) => (
          <Button variant="link" isInline onClick={() => remove.mutate(row)} aria-label={`${t('common.remove')}: ${row.username}`}>
            {t('common.remove')}
          </Button>
        )}
      />
    </>
  );
}
