// A new pool in steps; the last one says what it will need, before anything is made.
import { Button, Form } from '@patternfly/react-core';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { FormErrors } from '../form/errors';
import { FormProblem } from '../form/FormProblem';
import { BusyButton } from '../pf/BusyButton';
import { PageHead } from '../shell/PageHead';
import { useImages, useModules, useSpecs } from './choices';
import { Facts } from './Facts';
import { ImageFields, NameFields, PolicyFields, SpecField } from './PoolFields';
import { PoolPreviewView } from './PoolPreviewView';
import { PoolShares } from './PoolShares';
import { desktopsOf, newPoolOf, type PoolDraft, type PoolStep, POOL_STEPS, stepOf, whatLacks } from './poolDraft';
import { usePoolEdit } from './usePoolEdit';

function Steps({ now, onGo }: { now: number; onGo: (step: number) => void }) {
  const { t } = useTranslation();
  return (
    <nav aria-label={t('wizard.steps')}>
      <ol className="wizard-steps">
        {POOL_STEPS.map((step, at) => (
          <li key={step}>
            <Button variant="link" isInline isDisabled={at > now} aria-current={at === now ? 'step' : undefined} onClick={() => onGo(at)}>
              {`${at + 1}. ${t(`wizard.step.${step}`)}`}
            </Button>
          </li>
        ))}
      </ol>
    </nav>
  );
}

function Review({ draft }: { draft: PoolDraft }) {
  const { t } = useTranslation();
  const images = useImages();
  const specs = useSpecs();
  return (
    <>
      <Facts
        facts={[
          [t('field.name'), draft.name],
          [t('field.kind'), t(`poolKind.${draft.kind}`)],
          [t('field.image'), images.byId.get(draft.image_id)?.name ?? draft.image_id],
          [t('field.spec'), specs.byId.get(draft.spec_id)?.name ?? draft.spec_id],
          [t('nav.desktops'), desktopsOf(draft)],
          [t('pools.spares'), draft.spares_running ?? 0],
        ]}
      />
      <PoolPreviewView pool={newPoolOf(draft)} poolId={undefined} />
    </>
  );
}

export function PoolWizard() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const modules = useModules();
  const [at, setAt] = useState(0);
  // The faults are told anew where their field is.
  const [jumps, setJumps] = useState(0);
  const title = useRef<HTMLHeadingElement>(null);
  const edit = usePoolEdit(null);
  const { draft, change, rename } = edit;
  const step: PoolStep = POOL_STEPS[at] ?? 'preview';
  const isLast = at === POOL_STEPS.length - 1;
  const lacks = whatLacks(draft, step);
  // A refusal goes to the step that has the field it is about.
  useEffect(() => {
    const wrong = stepOf(edit.error);
    if (wrong === null) return;
    setAt(POOL_STEPS.indexOf(wrong));
    setJumps((before) => before + 1);
  }, [edit.error]);
  const go = (next: number) => {
    setAt(next);
    title.current?.focus();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!isLast) go(at + 1);
    else edit.save();
  };
  const fields = { draft, change, before: null };
  return (
    <>
      <PageHead title={t('pools.new')} lead={t('wizard.lead')} />
      <section className="panel form-card">
        <Steps now={at} onGo={go} />
        <h2 ref={title} tabIndex={-1}>
          {t(`wizard.step.${step}`)}
        </h2>
        <FormErrors key={jumps} error={edit.error} rename={rename}>
          <Form onSubmit={submit}>
            <FormProblem />
            {step === 'image' && <ImageFields {...fields} />}
            {step === 'spec' && <SpecField {...fields} />}
            {step === 'size' && (
              <>
                <p id="shares-title">{t('pools.sharesHint')}</p>
                <PoolShares modules={modules.items} shares={draft.shares} acknowledged={[]} onChange={(shares) => change({ shares })} />
              </>
            )}
            {step === 'policy' && (
              <>
                <NameFields {...fields} />
                <PolicyFields {...fields} />
              </>
            )}
            {step === 'preview' && <Review draft={draft} />}
            <div className="wizard-foot">
              {at > 0 && (
                <Button variant="secondary" onClick={() => go(at - 1)}>
                  {t('wizard.back')}
                </Button>
              )}
              <BusyButton type="submit" isBusy={edit.isBusy} isDisabled={edit.isBusy || lacks !== null}>
                {t(isLast ? 'common.create' : 'wizard.next')}
              </BusyButton>
              <Button variant="link" onClick={() => void navigate('/admin/pools')}>
                {t('common.cancel')}
              </Button>
              {lacks && <span className="quiet">{t(`wizard.lacks.${lacks}`)}</span>}
            </div>
          </Form>
        </FormErrors>
      </section>
    </>
  );
}
