// What went wrong with a form, brought before who fills it in: the first field with a fault has the
// focus, else the note itself. One that has grown stale says what the other person changed.
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiProblem } from '../api/problem';
import { Alert } from '../pf/Alert';
import { ProblemNote } from '../shell/ProblemNote';
import { useFormContext } from './errors';
import type { Meanwhile } from './merge';

function StaleNote({ meanwhile }: { meanwhile: Meanwhile[] | null }) {
  const { t } = useTranslation();
  const { registry } = useFormContext();
  const line = ({ name, value, isTaken }: Meanwhile) => {
    const field = registry.ownerOf(`/${name}`);
    const words = { label: field?.label ?? name, value: field?.show(value) || t('form.empty') };
    return isTaken ? t('form.staleTaken', words) : t('form.staleYours', words);
  };
  return (
    <Alert role="alert" isLiveRegion aria-live="assertive" aria-atomic="true" variant="warning" isInline title={t('form.stale')} className="stale">
      <p>{t('form.staleBody')}</p>
      {meanwhile === null && <p>{t('form.staleReading')}</p>}
      {meanwhile?.length === 0 && <p>{t('form.staleNothing')}</p>}
      {meanwhile?.map((one) => (
        <p key={one.name}>{line(one)}</p>
      ))}
    </Alert>
  );
}

/** meanwhile: what another person changed, once it is known; null while it is read. */
export function FormProblem({ meanwhile = null }: { meanwhile?: Meanwhile[] | null }) {
  const note = useRef<HTMLDivElement>(null);
  const { registry, error, own, problem } = useFormContext();
  const isStale = error instanceof ApiProblem && error.status === 412;
  useEffect(() => {
    if (!error && !own) return;
    const field = note.current?.closest('form')?.querySelector<HTMLElement>('[aria-invalid="true"], [data-invalid="true"]');
    const place = field ?? (error ? note.current : null);
    place?.focus();
    place?.scrollIntoView({ block: 'center' });
  }, [error, own]);
  const shown = problem ? new ApiProblem(problem) : error;
  return (
    <div ref={note} tabIndex={-1} className="form-note">
      {isStale && <StaleNote meanwhile={meanwhile} />}
      {Boolean(error) && !isStale && <ProblemNote error={shown} isShown={(pointer) => registry.ownerOf(pointer) !== undefined} />}
    </div>
  );
}
