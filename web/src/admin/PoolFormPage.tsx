import { ActionGroup, Bullseye, Button, Form, FormFieldGroup, FormFieldGroupHeader, Spinner } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate, useParams } from 'react-router';
import { call } from '../api/call';
import { ApiProblem } from '../api/problem';
import type { Pool } from '../api/types';
import { FieldErrors, NumberField, SelectField, TextField } from '../form/fields';
import { FormProblem } from '../form/FormProblem';
import { PageHead } from '../shell/PageHead';
import { ProblemNote } from '../shell/ProblemNote';
import { useWrite } from '../shell/useWrite';
import { useImages, useModules, useSpecs } from './choices';
import { PoolCostLine } from './PoolCostLine';
import { costOf, draftOf, EMPTY_DRAFT, newPoolOf, type PoolDraft, sharesOf } from './poolDraft';
import { PoolShares } from './PoolShares';

export function PoolFormPage() {
  const { t } = useTranslation();
  const { id } = useParams();
  const pool = useQuery({
    queryKey: ['pool', 'edit', id],
    queryFn: () => call('get', '/pools/{id}', { path: { id: id ?? '' } }),
    enabled: id !== undefined,
    gcTime: 0,
  });
  const [round, setRound] = useState(0);
  const reload = () => void pool.refetch().then(() => setRound(round + 1));
  if (id === undefined) return <PoolForm key="new" pool={null} onReload={() => undefined} />;
  if (pool.data) return <PoolForm key={`${id}/${round}`} pool={pool.data} onReload={reload} />;
  if (pool.error) return <ProblemNote error={pool.error} onRetry={() => void pool.refetch()} />;
  return (
    <Bullseye>
      <Spinner aria-label={t('common.loading')} />
    </Bullseye>
  );
}

function PoolForm({ pool, onReload }: { pool: Pool | null; onReload: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  // As it was when the form was opened: it does not change under the hands of who fills it in, and
  // one that has grown stale is refused by its generation.
  const [before] = useState(pool);
  const images = useImages();
  const specs = useSpecs();
  const modules = useModules();
  const [draft, setDraft] = useState<PoolDraft>(before ? draftOf(before) : EMPTY_DRAFT);
  const change = (part: Partial<PoolDraft>) => setDraft((old) => ({ ...old, ...part }));
  const versions = useQuery({
    queryKey: ['image', 'versions', draft.image_id],
    queryFn: () => call('get', '/images/{id}/versions', { path: { id: draft.image_id }, query: { limit: 200 } }),
    enabled: draft.image_id !== '',
  });
  const save = useWrite({
    kinds: ['pool', 'module'],
    isQuiet: true,
    write: (value: PoolDraft) => {
      if (!before) return call('post', '/pools', { body: newPoolOf(value) });
      const { name, description, image_version_id, spec_id, spares_running, shares } = { ...newPoolOf(value), shares: sharesOf(value, before) };
      return call('patch', '/pools/{id}', { path: { id: before.id }, generation: before.generation, body: { name, description, image_version_id, spec_id, spares_running, shares } });
    },
    done: (_, value) => t('form.saved', { name: value.name }),
    onDone: () => void navigate('/admin/pools'),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate(draft);
  };
  const choose = [['', t('form.choose')]] as const;
  const cost = costOf(draft, specs.byId.get(draft.spec_id), images.byId.get(draft.image_id), modules.items);
  const kind = draft.kind;
  return (
    <>
      <PageHead title={before ? before.name : t('pools.new')} lead={t('pools.formLead')} />
      <section className="panel form-card">
        <FieldErrors value={save.error instanceof ApiProblem ? save.error.problem : null}>
          <Form onSubmit={submit}>
            <FormProblem error={save.error} onReload={onReload} />
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
              <PoolShares modules={modules.items} shares={draft.shares} acknowledged={before?.shares ?? []} onChange={(shares) => change({ shares })} />
            </FormFieldGroup>
            <NumberField name="spares_running" label={t('pools.spares')} hint={t('pools.sparesHint')} value={draft.spares_running} min={0} max={1000} onChange={(spares_running) => change({ spares_running })} />
            <PoolCostLine cost={cost} />
            <ActionGroup>
              <Button type="submit" isLoading={save.isPending} isDisabled={save.isPending || !draft.name.trim() || !draft.image_id || !draft.spec_id || cost.desktops === 0}>
                {before ? t('common.save') : t('common.create')}
              </Button>
              <Button variant="link" onClick={() => void navigate('/admin/pools')}>
                {t('common.cancel')}
              </Button>
            </ActionGroup>
          </Form>
        </FieldErrors>
      </section>
    </>
  );
}
