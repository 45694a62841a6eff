import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import type { Image } from '../api/types';
import { SelectField, TextField } from '../form/fields';
import { FormDialog } from '../form/FormDialog';
import { useEdit } from '../form/useEdit';

const GUESTS: Image['guest'][] = ['bic', 'cloud-init', 'cloudbase-init', 'none'];

const draftOf = ({ name, description, guest }: Image) => ({ name, description, guest });

export function ImageDialog({ before, onClose }: { before: Image | null; onClose: () => void }) {
  const { t } = useTranslation();
  const edit = useEdit({
    before,
    empty: { name: '', description: '', guest: 'bic' as Image['guest'] },
    draftOf,
    read: ({ id }) => call('get', '/images/{id}', { path: { id } }),
    save: ({ name, description, guest }, base) => {
      const body = { name: name.trim(), description: description.trim(), guest };
      return base ? call('patch', '/images/{id}', { path: { id: base.id }, generation: base.generation, body }) : call('post', '/images', { body });
    },
    kinds: ['image'],
    done: ({ name }) => t('form.saved', { name }),
    onDone: onClose,
  });
  const { draft, change } = edit;
  return (
    <FormDialog {...edit} title={before ? before.name : t('images.new')} submit={before ? t('common.save') : t('common.create')} onSubmit={edit.save} onClose={onClose}>
      <TextField name="name" label={t('field.name')} value={draft.name} onChange={(name) => change({ name })} isRequired />
      <TextField name="description" label={t('field.description')} value={draft.description} onChange={(description) => change({ description })} maxLength={1000} />
      <SelectField name="guest" label={t('images.guest')} value={draft.guest} hint={t('images.guestHint')} options={GUESTS.map((one) => [one, t(`guest.${one}`)])} onChange={(value) => change({ guest: value as Image['guest'] })} />
    </FormDialog>
  );
}
