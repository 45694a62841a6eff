// Filters under a name, kept at the server: they follow the person from browser to browser.
import { Button } from '@patternfly/react-core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import type { DesktopFilter, SavedFilter } from '../api/types';
import { TextField } from '../form/fields';
import { FormDialog } from '../form/FormDialog';
import { SelectFilter } from '../list/Filter';
import { useChoices } from '../list/useList';
import { useWrite } from '../shell/useWrite';
import { sameFilter } from './desktopSelection';

interface SavedFiltersProps {
  /** What is filtered now; null: nothing. */
  filter: DesktopFilter | null;
  onChoose: (filter: DesktopFilter) => void;
}

export function SavedFilters({ filter, onChoose }: SavedFiltersProps) {
  const { t } = useTranslation();
  const [isNaming, setNaming] = useState(false);
  const kept = useChoices<SavedFilter>('filter', (query) => call('get', '/me/filters', { query }));
  const chosen = kept.items.find((one) => sameFilter(filter, one.filter));
  const forget = useWrite({
    kinds: ['filter'],
    write: (one: SavedFilter) => call('delete', '/me/filters/{id}', { path: { id: one.id } }),
    done: (_, one) => t('filters.forgotten', { name: one.name }),
  });
  return (
    <div className="saved-filters">
      <SelectFilter
        label={t('filters.saved')}
        value={chosen?.id ?? ''}
        none={t('filters.none')}
        options={kept.items.map(({ id, name }) => [id, name])}
        onChange={(id) => {
          const one = kept.byId.get(id);
          if (one) onChoose(one.filter);
        }}
      />
      {chosen ? (
        <Button variant="link" isInline onClick={() => forget.mutate(chosen)} aria-label={`${t('filters.forget')}: ${chosen.name}`}>
          {t('filters.forget')}
        </Button>
      ) : (
        <Button variant="link" isInline isAriaDisabled={!filter} onClick={() => filter && setNaming(true)}>
          {t('filters.save')}
        </Button>
      )}
      {isNaming && filter && <NameDialog filter={filter} onClose={() => setNaming(false)} />}
    </div>
  );
}

function NameDialog({ filter, onClose }: { filter: DesktopFilter; onClose: () => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState('');
  const keep = useWrite({
    kinds: ['filter'],
    write: (wanted: string) => call('post', '/me/filters', { body: { name: wanted, filter } }),
    done: (made) => t('form.saved', { name: made.name }),
    onDone: onClose,
    isQuiet: true,
  });
  return (
    <FormDialog title={t('filters.save')} submit={t('common.save')} error={keep.error} isBusy={keep.isPending} onSubmit={() => keep.mutate(name.trim())} onClose={onClose}>
      <TextField name="name" label={t('field.name')} value={name} onChange={setName} isRequired />
    </FormDialog>
  );
}
