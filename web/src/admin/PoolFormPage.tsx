import { ActionGroup, Bullseye, Button, Form, FormFieldGroup, FormFieldGroupHeader } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate, useParams } from 'react-router';
import { call } from '../api/call';
import type { Pool } from '../api/types';
import { FormErrors } from '../form/errors';
import { NumberField, SelectField, TextField } from '../form/fields';
import { FormProblem } from '../form/FormProblem';
import { useEdit } from '../form/useEdit';
import { BusyButton } from '../pf/BusyButton';
import { Spinner } from '../pf/Spinner';
import { PageHead } from '../shell/PageHead';
import { ProblemNote } from '../shell/ProblemNote';
import { useImages, useModules, useSpecs } from './choices';
import { PoolChange } from './PoolChange';
import { PoolCostLine } from './PoolCostLine';
import { costOf, draftOf, EMPTY_DRAFT, newPoolOf, type PoolDraft, sharesOf } from './poolDraft';
import { PoolShares } from './PoolShares';

export function PoolFormPage() {
  const { id } = useParams();
  const pool = useQuery({
    queryKey: ['pool', 'edit', id],
    queryFn: () => call('get', '/pools/{id}', { path: { id: id ?? '' } }),
    enabled: id !== undefined,
    gcTime: 0,
  });
  if (id === undefined) return <PoolForm key="new" pool={null} />;
  if (pool.data) return <PoolForm key={id} pool={pool.data} />;
  if (pool.error) return <ProblemNote error={pool.error} onRetry={() => void pool.refetch()} />;
  return (
    <Bullseye>
      <Spinner />
    </Bullseye>
  );
}

/** The server names a share by its place in what was sent; the form has a field for each module. */
function shareNames(sent: PoolDraft | undefined, base: Pool | null): (pointer: string) => string {
  const modules = sent ? sharesOf(sent, base).map(({ module_id }) => module_id) : [];
  return (pointer) => pointer.replace(/^\/shares\/(\d+)/, (same, place: string) => (modules[Number(place)] ? `/shares/${modules[Number(place)]}` : same));
}

function PoolForm({ pool }: { pool: Pool | null }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const images = useImages();
  const specs = useSpecs();
  const modules = useModules();
  // As it was when the form was opened: it does not change under the hands of who fills it in, and
  // one that has grown stale is refused by its generation.
  const [before] = useState(pool);
  const edit = useEdit<Pool, PoolDraft>({
    before,
    empty: EMPTY_DRAFT,
    draftOf,
    read: ({ id }) => call('get', '/pools/{id}', { path: { id } }),
    save: (value, base) => {
      if (!base) return call('post', '/pools', { body: newPoolOf(value) });
      const { name, description, image_version_id, spec_id, spares_running, shares } = { ...newPoolOf(value), shares: sharesOf(value, base) };
      return call('patch', '/pools/{id}', { path: { id: base.id }, generation: base.generation, body: { name, description, image_version_id, spec_id, spares_running, shares } });
    },
    kinds: ['pool', 'module'],
    done: ({ name }) => t('form.saved', { name }),
    onDone: () => void navigate('/admin/pools'),
  });
  const { draft, change, sent, base } = edit;
  const rename = useMemo(() => shareNames(sent, base), [sent, base]);
  const versions = useQuery({
    queryKey: ['image', 'versions', draft.image_id],
    queryFn: () => call('get', '/images/{id}/versions', { path: { id: draft.image_id }, query: { limit: 200 } }),
    enabled: draft.image_id !== '',
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    edit.save();
  };
  const choose = [['', t('form.choose')]] as const;
  const cost = costOf(draft, specs.byId.get(draft.spec_id), images.byId.get(draft.image_id), modules.items);
  const kind = draft.kind;
  return (
    <>
      <PageHead title={before ? before.name : t('pools.new')} lead={t('pools.formLead')} />
      <section className="panel form-card">
        <FormErrors error={edit.error} rename={rename}>
          <Form onSubmit={submit}>
            <FormProblem meanwhile={edit.meanwhile} />
            <TextField name="name" label={t('field.name')} value={draft.name} onChange={(name) => change({ name })} isRequired />
            <TextField name="description" label={t('field.description')} value={draft.description} onChange={(description) => change({ description })} maxLength={1000} hint={t('pools.descriptionHint')} />
            <SelectField
              name="kind"
              label={t('field.kind')}
              value={kind}
              isDisabled={before !== null}
              hint={t(`poolKindHint.${kind}`)}
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
              options={[...choose, ...images.items.map((image) => [image.id, image.latest_version ? image.name : t('pools.imageWithout', { name: image.name })] as const)]}
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
            <SelectField
              name="spec_id"
              label={t('field.spec')}
              value={draft.spec_id}
              isRequired
              options={[...choose, ...specs.items.map((spec) => [spec.id, spec.name] as const)]}
              onChange={(spec_id) => change({ spec_id })}
            />
            <FormFieldGroup header={<FormFieldGroupHeader titleText={{ text: t('pools.shares'), id: 'shares-title' }} titleDescription={t('pools.sharesHint')} />}>
              <PoolShares modules={modules.items} shares={draft.shares} acknowledged={base?.shares ?? []} onChange={(shares) => change({ shares })} />
              {base?.change && <PoolChange change={base.change} modules={modules.items} onTakeBack={(shares) => change({ shares })} />}
            </FormFieldGroup>
            <NumberField name="spares_running" label={t('pools.spares')} hint={t('pools.sparesHint')} value={draft.spares_running} min={0} max={1000} onChange={(spares_running) => change({ spares_running })} />
            <PoolCostLine cost={cost} />
            <ActionGroup>
              <BusyButton type="submit" isBusy={edit.isBusy} isDisabled={edit.isBusy || !draft.name.trim() || !draft.image_id || !draft.spec_id || cost.desktops === 0}>
                {before ? t('common.save') : t('common.create')}
              </BusyButton>
              <Button variant="link" onClick={() => void navigate('/admin/pools')}>
                {t('common.cancel')}
              </Button>
            </ActionGroup>
          </Form>
        </FormErrors>
      </section>
    </>
  );
}
