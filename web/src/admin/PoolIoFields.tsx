// What a job and a start of the pool ask of a bServer: given here, or learned; and what is in force now.
import { FormFieldGroup, FormFieldGroupHeader } from '@patternfly/react-core';
import { useTranslation } from 'react-i18next';
import type { PoolIo } from '../api/types';
import { useField } from '../form/errors';
import { FieldHelp, NumberField, SelectField } from '../form/fields';
import { formatRate } from '../words/time';
import { useModules } from './choices';
import type { PoolIoDraft } from './poolIo';

const FIGURE = { min: 0.001, max: 1_000_000, step: 0.001 };

function InForce({ module }: { module: PoolIo['modules'][number] }) {
  const { t, i18n } = useTranslation();
  const modules = useModules();
  const rate = (value: number) => formatRate(value, i18n.language);
  const source = (word: string | null) => (word ? t(`io.sources.${word}`, { defaultValue: word }) : '–');
  return (
    <li>
      {t('io.inForce', {
        module: modules.byId.get(module.module_id)?.name ?? module.module_id,
        job: rate(module.per_job),
        jobSource: source(module.per_job_source),
        start: rate(module.per_start),
        startSource: source(module.per_start_source),
      })}
    </li>
  );
}

interface PoolIoFieldsProps {
  draft: PoolIoDraft;
  /** Null: a new pool. */
  known: PoolIo | null;
  onChange: (io: PoolIoDraft) => void;
}

export function PoolIoFields({ draft, known, onChange }: PoolIoFieldsProps) {
  const { t, i18n } = useTranslation();
  const show = (value: unknown) => {
    const io = value as PoolIoDraft;
    const figure = (one: number | null) => (one === null ? '–' : formatRate(one, i18n.language));
    return `${t(`io.jobs.${io.job}`)}, ${figure(io.per_job)}, ${figure(io.per_start)}`;
  };
  const error = useField({ path: '/io', label: t('io.poolTitle'), show });
  const change = (part: Partial<PoolIoDraft>) => onChange({ ...draft, ...part });
  return (
    <FormFieldGroup header={<FormFieldGroupHeader titleText={{ text: t('io.poolTitle'), id: 'io-title' }} titleDescription={t('io.poolHint')} />}>
      <FieldHelp name="io" error={error} />
      <SelectField
        name="io/job"
        label={t('io.job')}
        hint={t('io.jobHint')}
        value={draft.job}
        options={[
          ['session', t('io.jobs.session')],
          ['desktop', t('io.jobs.desktop')],
        ]}
        onChange={(job) => change({ job: job as PoolIoDraft['job'] })}
      />
      <NumberField name="io/per_job" label={t('io.perJob')} hint={t('io.figureHint')} value={draft.per_job} {...FIGURE} onChange={(per_job) => change({ per_job })} />
      <NumberField name="io/per_start" label={t('io.perStart')} hint={t('io.figureHint')} value={draft.per_start} {...FIGURE} onChange={(per_start) => change({ per_start })} />
      {known && (known.modules.length > 0 ? <ul className="quiet">{known.modules.map((module) => <InForce key={module.module_id} module={module} />)}</ul> : <p className="quiet">{t('io.nothingLearned')}</p>)}
    </FormFieldGroup>
  );
}
