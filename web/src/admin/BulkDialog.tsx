// One action for many desktops: first what would happen, then one operation with a child for each.
// Confirmed is what was shown: the ids of those that will, never the filter again.
import { Button, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call, newKey } from '../api/call';
import type { DesktopAction, DesktopActionsPreview, DesktopFilter, Operation } from '../api/types';
import { BusyButton } from '../pf/BusyButton';
import { Modal } from '../pf/Modal';
import { Spinner } from '../pf/Spinner';
import { ProblemNote } from '../shell/ProblemNote';
import { isDangerous } from '../words/desktop';
import { problemTitle } from '../words/problem';
import { BulkProgress } from './BulkProgress';
import { reasonsOf } from './desktopSelection';

/** Either by name or by what they match. */
export type BulkTarget = { desktops: string[] } | { filter: DesktopFilter };

interface BulkDialogProps {
  action: DesktopAction;
  target: BulkTarget;
  onClose: () => void;
  /** The order was given. */
  onGiven: () => void;
}

/** Names that are shown of each reason. */
const SHOWN = 10;

function Preview({ preview }: { preview: DesktopActionsPreview }) {
  const { t } = useTranslation();
  const { will, already, refused } = preview.totals;
  return (
    <div aria-live="polite">
      <ul className="bulk-totals">
        <li>{t('bulk.will', { count: will })}</li>
        {already > 0 && <li>{t('bulk.already', { count: already })}</li>}
        {refused > 0 && <li>{t('bulk.refused', { count: refused })}</li>}
      </ul>
      {reasonsOf(preview.items).map(({ slug, names }) => (
        <p key={slug} className="quiet">
          {problemTitle(slug, t, slug)}: {names.slice(0, SHOWN).join(', ')}
          {names.length > SHOWN && ` ${t('bulk.more', { count: names.length - SHOWN })}`}
        </p>
      ))}
    </div>
  );
}

export function BulkDialog({ action, target, onClose, onGiven }: BulkDialogProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  // One key for this dialog: a repeated request is the same order.
  const [key] = useState(newKey);
  const preview = useQuery({
    queryKey: ['bulk', key],
    queryFn: async () => (await call('post', '/desktops/actions', { body: { action, ...target, dry_run: true } })) as DesktopActionsPreview,
    gcTime: 0,
    staleTime: Infinity,
    retry: false,
  });
  const will = preview.data?.items.filter(({ outcome }) => outcome === 'will').map(({ desktop_id }) => desktop_id) ?? [];
  const give = useMutation({
    mutationFn: async () => (await call('post', '/desktops/actions', { body: { action, desktops: will }, idempotencyKey: key })) as Operation,
    onSuccess: () => {
      for (const kind of ['desktop', 'operation']) void client.invalidateQueries({ queryKey: [kind] });
      onGiven();
    },
  });
  return (
    <Modal variant="medium" onClose={onClose} aria-labelledby="bulk-title">
      <ModalHeader title={t('bulk.title', { action: t(`action.${action}`) })} labelId="bulk-title" {...(isDangerous(action) && !give.data ? { titleIconVariant: 'warning' as const } : {})} />
      <ModalBody tabIndex={0} aria-label={t('home.details')}>
        {preview.isPending && <Spinner />}
        {preview.error && <ProblemNote error={preview.error} onRetry={() => void preview.refetch()} />}
        {give.error && <ProblemNote error={give.error} />}
        {preview.data && !give.data && (
          <>
            <Preview preview={preview.data} />
            {isDangerous(action) && will.length > 0 && <p>{t(`bulkConfirm.${action}`)}</p>}
          </>
        )}
        {give.data && <BulkProgress operation={give.data} />}
      </ModalBody>
      <ModalFooter>
        {!give.data && (
          <BusyButton variant={isDangerous(action) ? 'danger' : 'primary'} isBusy={give.isPending} isDisabled={give.isPending || will.length === 0} onClick={() => give.mutate()}>
            {t('bulk.confirm', { action: t(`action.${action}`), count: will.length })}
          </BusyButton>
        )}
        <Button variant={give.data ? 'primary' : 'link'} onClick={onClose}>
          {t(give.data ? 'common.close' : 'common.cancel')}
        </Button>
      </ModalFooter>
    </Modal>
  );
}
