import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import type { NewSpec, Spec } from '../api/types';
import { CheckField, NumberField, SelectField, TextField } from '../form/fields';
import { FormDialog } from '../form/FormDialog';
import { useEdit } from '../form/useEdit';

type Draft = Required<NewSpec>;

const NEW: Draft = {
  name: '',
  vcpus: 2,
  memory_mib: 2048,
  firmware: 'bios',
  tpm: false,
  disk_bus: 'virtio',
  nic_model: 'virtio',
  video: 'virtio',
  disk_gib: null,
  needs_vf: false,
};

function draftOf({ name, vcpus, memory_mib, firmware, tpm, disk_bus, nic_model, video, disk_gib, needs_vf }: Spec): Draft {
  return { name, vcpus, memory_mib, firmware, tpm, disk_bus, nic_model, video, disk_gib, needs_vf };
}

export function SpecDialog({ before, onClose }: { before: Spec | null; onClose: () => void }) {
  const { t } = useTranslation();
  const edit = useEdit({
    before,
    empty: NEW,
    draftOf,
    read: ({ id }) => call('get', '/specs/{id}', { path: { id } }),
    save: (value, base) => {
      const body = { ...value, name: value.name.trim() };
      return base ? call('patch', '/specs/{id}', { path: { id: base.id }, generation: base.generation, body }) : call('post', '/specs', { body });
    },
    kinds: ['spec'],
    done: ({ name }) => t('form.saved', { name }),
    onDone: onClose,
  });
  const { draft, change } = edit;
  return (
    <FormDialog {...edit} title={before ? before.name : t('specs.new')} submit={before ? t('common.save') : t('common.create')} onSubmit={edit.save} onClose={onClose}>
      <TextField name="name" label={t('field.name')} value={draft.name} onChange={(name) => change({ name })} isRequired />
      <NumberField name="vcpus" label={t('specs.vcpus')} value={draft.vcpus} min={1} max={64} isRequired onChange={(vcpus) => change({ vcpus: vcpus ?? 1 })} />
      <NumberField name="memory_mib" label={t('specs.memoryMib')} value={draft.memory_mib} min={64} max={1_048_576} isRequired onChange={(memory_mib) => change({ memory_mib: memory_mib ?? 64 })} />
      <NumberField name="disk_gib" label={t('specs.diskGib')} hint={t('specs.diskHint')} value={draft.disk_gib} min={1} max={16_384} onChange={(disk_gib) => change({ disk_gib })} />
      <SelectField
        name="firmware"
        label={t('specs.firmware')}
        value={draft.firmware}
        options={[
          ['bios', t('firmware.bios')],
          ['uefi', t('firmware.uefi')],
        ]}
        onChange={(value) => change({ firmware: value as Draft['firmware'] })}
      />
      <CheckField name="tpm" label={t('specs.tpm')} hint={t('specs.tpmHint')} value={draft.tpm} onChange={(tpm) => change({ tpm })} />
      <SelectField name="disk_bus" label={t('specs.diskBus')} value={draft.disk_bus} options={['virtio', 'sata', 'scsi'].map((one) => [one, one])} onChange={(value) => change({ disk_bus: value as Draft['disk_bus'] })} />
      <SelectField name="nic_model" label={t('specs.nic')} value={draft.nic_model} options={['virtio', 'e1000'].map((one) => [one, one])} onChange={(value) => change({ nic_model: value as Draft['nic_model'] })} />
      <SelectField name="video" label={t('specs.video')} value={draft.video} options={['virtio', 'vga', 'qxl'].map((one) => [one, one])} onChange={(value) => change({ video: value as Draft['video'] })} />
      <CheckField name="needs_vf" label={t('specs.needsVf')} hint={t('specs.needsVfHint')} value={draft.needs_vf} onChange={(needs_vf) => change({ needs_vf })} />
    </FormDialog>
  );
}
