// Deleting asks once. Should somebody have changed the thing meanwhile, it is not deleted.
import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import { Confirm } from '../shell/Confirm';
import { useWrite } from '../shell/useWrite';

type DeletePath = '/users/{id}' | '/groups/{id}' | '/images/{id}' | '/specs/{id}' | '/pools/{id}' | '/entitlements/{id}' | '/nodes/{id}';

interface DeleteDialogProps {
  path: DeletePath;
  kind: string;
  thing: { id: string; generation: number; name: string };
  body: string;
  action?: string;
  onClose: () => void;
}

export function DeleteDialog({ path, kind, thing, body, action, onClose }: DeleteDialogProps) {
  const { t } = useTranslation();
  const word = action ?? t('common.delete');
  const remove = useWrite({
    kinds: [kind],
    write: () => call('delete', path, { path: { id: thing.id }, generation: thing.generation }),
    done: () => t('desktop.asked', { action: word, name: thing.name }),
  });
  return (
    <Confirm
      title={`${word}: ${thing.name}`}
      body={body}
      action={word}
      isBusy={remove.isPending}
      onCancel={onClose}
      onConfirm={() => remove.mutate(undefined, { onSettled: onClose })}
    />
  );
}
