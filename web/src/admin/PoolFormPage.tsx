import { ActionGroup, Bullseye, Button, Form, FormFieldGroup, FormFieldGroupHeader } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate, useParams } from 'react-router';
import { call } from '../api/call';
import type { Pool } from '../api/types';
import { FormErrors } from '../form/errors';
import { FormProblem } from '../form/FormProblem';
import { BusyButton } from '../pf/BusyButton';
import { Spinner } from '../pf/Spinner';
import { PageHead } from '../shell/PageHead';
import { ProblemNote } from '../shell/ProblemNote';
import { useModules } from './choices';
import { PoolChange } from './PoolChange';
import { desktopsOf, newPoolOf, sharesOf } from './poolDraft';
import { ImageFields, NameFields, PolicyFields, SpecField } from './PoolFields';
import { PoolForecast } from './PoolForecast';
import { PoolPreviewView } from './PoolPreviewView';
import { PoolShares } from './PoolShares';
import { PoolWizard } from './PoolWizard';
import { usePoolEdit } from './usePoolEdit';

export function PoolFormPage() {
  const { id } = useParams();
  const pool = useQuery({
    queryKey: ['pool', 'edit', id],
    queryFn: () => call('get', '/pools/{id}', { path: { id: id ?? '' } }),
    enabled: id !== undefined,
    gcTime: 0,
  });
  if (id === undefined) return <PoolWizard />;
  if (pool.data) return <PoolForm key={id} pool={pool.data} />;
  if (pool.error) return <ProblemNote error={pool.error} onRetry={() => void pool.refetch()} />;
  return (
    <Bullseye>
      <Spinner />
    </Bullseye>
  );
}

function PoolForm({ pool }: { pool: Pool }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const modules = useModules();
  // As it was when the form was opened: it does not change under the hands of who fills it in, and
  // one that has grown stale is refused by its generation.
  const [before] = useState(pool);
  const edit = usePoolEdit(before);
  const { draft, change, base, rename } = edit;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    edit.save();
  };
  const fields = { draft, change, before };
  return (
    <>
      <PageHead title={before.name} lead={t('pools.formLead')} />
      <PoolForecast pool={before} />
      <section className="panel form-card">
        <FormErrors error={edit.error} rename={rename}>
          <Form onSubmit={submit}>
            <FormProblem meanwhile={edit.meanwhile} />
            <NameFields {...fields} />
            <ImageFields {...fields} />
            <SpecField {...fields} />
            <FormFieldGroup header={<FormFieldGroupHeader titleText={{ text: t('pools.shares'), id: 'shares-title' }} titleDescription={t('pools.sharesHint')} />}>
              <PoolShares modules={modules.items} shares={draft.shares} acknowledged={base?.shares ?? []} onChange={(shares) => change({ shares })} />
              {base?.change && <PoolChange change={base.change} modules={modules.items} onTakeBack={(shares) => change({ shares })} />}
            </FormFieldGroup>
            <PolicyFields {...fields} />
            <h2>{t('wizard.step.preview')}</h2>
            <PoolPreviewView pool={{ ...newPoolOf(draft), shares: sharesOf(draft, base) }} poolId={before.id} />
            <ActionGroup>
              <BusyButton type="submit" isBusy={edit.isBusy} isDisabled={edit.isBusy || !draft.name.trim() || !draft.image_id || !draft.spec_id || desktopsOf(draft) === 0}>
                {t('common.save')}
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
