// The fields of a pool, in the groups that wizard and form show them in.
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import type { Pool } from '../api/types';
import { NumberField, SelectField, TextField } from '../form/fields';
import { useImages, useSpecs } from './choices';
import type { PoolDraft } from './poolDraft';
import { PoolIoFields } from './PoolIoFields';

export interface PoolFieldsProps {
  draft: PoolDraft;
  /** The pool that is changed; null: a new one. */
  before: Pool | null;
  change: (part: Partial<PoolDraft>) => void;
}

export function NameFields({ draft, change }: PoolFieldsProps) {
  const { t } = useTranslation();
  return (
    <>
      <TextField name="name" label={t('field.name')} value={draft.name} onChange={(name) => change({ name })} isRequired />
      <TextField name="description" label={t('field.description')} value={draft.description} onChange={(description) => change({ description })} maxLength={1000} hint={t('pools.descriptionHint')} />
    </>
  );
}

export function ImageFields({ draft, before, change }: PoolFieldsProps) {
  const { t } = useTranslation();
  const images = useImages();
  const versions = useQuery({
    queryKey: ['image', 'versions', draft.image_id],
    queryFn: () => call('get', '/images/{id}/versions', { path: { id: draft.image_id }, query: { limit: 200 } }),
    enabled: draft.image_id !== '',
  });
  return (
    <>
      <SelectField
        name="kind"
        label={t('field.kind')}
        value={draft.kind}
        isDisabled={before !== null}
        hint={t(`poolKindHint.${draft.kind}`)}
        options={[
          ['floating', t('poolKind.floating')],
          ['persistent', t('poolKind.persistent')],
        ]}
        onChange={(value) => change({ kind: value as Pool['kind'] })}
      />
      <SelectField
        name="image_id"
        label={t('field.image')}
        value={draft.image_id}
        isRequired
        isDisabled={before !== null}
        options={[['', t('form.choose')], ...images.items.map((image) => [image.id, image.latest_version ? image.name : t('pools.imageWithout', { name: image.name })] as const)]}
        onChange={(image_id) => change({ image_id, image_version_id: '' })}
      />
      <SelectField
        name="image_version_id"
        label={t('field.version')}
        value={draft.image_version_id}
        hint={t('pools.versionHint')}
        options={[...(before ? [] : [['', t('pools.latest')] as const]), ...(versions.data?.items ?? []).map((version) => [version.id, t('images.versionNumber', { number: version.number })] as const)]}
        onChange={(image_version_id) => change({ image_version_id })}
      />
    </>
  );
}

export function SpecField({ draft, change }: PoolFieldsProps) {
  const { t } = useTranslation();
  const specs = useSpecs();
  return (
    <SelectField
      name="spec_id"
      label={t('field.spec')}
      value={draft.spec_id}
      isRequired
      options={[['', t('form.choose')], ...specs.items.map((spec) => [spec.id, spec.name] as const)]}
      onChange={(spec_id) => change({ spec_id })}
    />
  );
}

export function PolicyFields({ draft, before, change }: PoolFieldsProps) {
  const { t } = useTranslation();
  return (
    <>
      <NumberField name="spares_running" label={t('pools.spares')} hint={t('pools.sparesHint')} value={draft.spares_running} min={0} max={1000} onChange={(spares_running) => change({ spares_running })} />
      <PoolIoFields draft={draft.io} known={before?.io ?? null} onChange={(io) => change({ io })} />
    </>
  );
}
