import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import type { Image } from '../api/types';
import { SelectField, TextField } from '../form/fields';
import { FormDialog } from '../form/FormDialog';
import { useWrite } from '../shell/useWrite';

const GUESTS: Image['guest'][] = ['bic', 'cloud-init', 'cloudbase-init', 'none'];

export function ImageDialog({ before, onClose }: { before: Image | null; onClose: () => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState(before?.name ?? '');
  const [description, setDescription] = useState(before?.description ?? '');
  const [guest, setGuest] = useState<Image['guest']>(before?.guest ?? 'bic');
  const save = useWrite({
    kinds: ['image'],
    isQuiet: true,
    write: () => {
      const body = { name: name.trim(), description: description.trim(), guest };
      return before ? call('patch', '/images/{id}', { path: { id: before.id }, generation: before.generation, body }) : call('post', '/images', { body });
    },
    done: () => t('form.saved', { name }),
    onDone: onClose,
  });
  return (
    <FormDialog title={before ? before.name : t('images.new')} submit={before ? t('common.save') : t('common.create')} error={save.error} isBusy={save.isPending} onSubmit={() => save.mutate(undefined)} onClose={onClose}>
      <TextField name="name" label={t('field.name')} value={name} onChange={setName} isRequired />
      <TextField name="description" label={t('field.description')} value={description} onChange={setDescription} maxLength={1000} />
      <SelectField name="guest" label={t('images.guest')} value={guest} hint={t('images.guestHint')} options={GUESTS.map((one) => [one, t(`guest.${one}`)])} onChange={(value) => setGuest(value as Image['guest'])} />
    </FormDialog>
  );
}
