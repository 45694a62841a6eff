import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import type { Bserver } from '../api/types';
import { NumberField } from '../form/fields';
import { FormDialog } from '../form/FormDialog';
import { useEdit } from '../form/useEdit';

interface Draft {
  io_limit: number | null;
}

export function IoLimitDialog({ bserver, onClose }: { bserver: Bserver; onClose: () => void }) {
  const { t } = useTranslation();
  const edit = useEdit<Bserver, Draft>({
    before: bserver,
    empty: { io_limit: null },
    draftOf: ({ io_limit }) => ({ io_limit }),
    read: ({ id }) => call('get', '/bservers/{id}', { path: { id } }),
    save: (value, base) => call('patch', '/bservers/{id}', { path: { id: bserver.id }, generation: (base ?? bserver).generation, body: value }),
    kinds: ['bserver'],
    done: () => t('io.saved', { name: bserver.name }),
    onDone: onClose,
  });
  return (
    <FormDialog {...edit} title={`${t('io.set')}: ${bserver.name}`} submit={t('common.save')} onSubmit={edit.save} onClose={onClose}>
      <p>{t('io.dialogBody')}</p>
      <NumberField name="io_limit" label={t('io.field')} hint={t('io.fieldHint')} value={edit.draft.io_limit} min={0.001} max={1_000_000} step={0.001} onChange={(io_limit) => edit.change({ io_limit })} />
    </FormDialog>
  );
}
