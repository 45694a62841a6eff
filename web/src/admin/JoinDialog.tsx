import { Button, ClipboardCopy, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import type { NodeKind, NodeToken } from '../api/types';
import { SelectField, TextField } from '../form/fields';
import { FormDialog } from '../form/FormDialog';
import { useList } from '../list/useList';
import { Alert } from '../pf/Alert';
import { Modal } from '../pf/Modal';
import { useWrite } from '../shell/useWrite';
import { formatTime } from '../words/time';
import { useModules } from './choices';

const KINDS: NodeKind[] = ['bserver', 'bcenter', 'xcenter'];

/** A bServer joins a module, a bCenter a block; an xCenter makes its block, or joins one as the second. */
function useParents(kind: NodeKind): { id: string; name: string }[] {
  const modules = useModules();
  const blocks = useList({ kind: 'block', read: (query) => call('get', '/blocks', { query }) });
  return kind === 'bserver' ? modules.items : blocks.items;
}

export function JoinDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const [kind, setKind] = useState<NodeKind>('bserver');
  const [name, setName] = useState('');
  const [parentId, setParentId] = useState('');
  const [token, setToken] = useState<NodeToken | null>(null);
  const parents = useParents(kind);
  const create = useWrite({
    kinds: ['node'],
    isQuiet: true,
    write: () => call('post', '/node-tokens', { body: { kind, name: name.trim(), ...(parentId ? { parent_id: parentId } : {}) } }),
    onDone: setToken,
  });
  if (token) return <TokenDialog token={token} onClose={onClose} />;
  return (
    <FormDialog title={t('nodes.join')} submit={t('nodes.makeToken')} error={create.error} isBusy={create.isPending} onSubmit={() => create.mutate(undefined)} onClose={onClose}>
      <SelectField
        name="kind"
        label={t('field.kind')}
        value={kind}
        options={KINDS.map((one) => [one, t(`nodeKind.${one}`)])}
        onChange={(value) => {
          setKind(value as NodeKind);
          setParentId('');
        }}
      />
      <TextField name="name" label={t('field.name')} value={name} onChange={setName} isRequired />
      {parents.length > 0 && (
        <SelectField name="parent_id" label={t('nodes.parent')} value={parentId} options={[['', kind === 'xcenter' ? t('nodes.newBlock') : t('form.choose')], ...parents.map((parent) => [parent.id, parent.name] as const)]} onChange={setParentId} />
      )}
    </FormDialog>
  );
}

function TokenDialog({ token, onClose }: { token: NodeToken; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  return (
    <Modal variant="small" onClose={onClose} aria-labelledby="token-title">
      <ModalHeader title={t('nodes.token')} labelId="token-title" />
      <ModalBody>
        <Alert variant="info" isInline isPlain title={t('nodes.tokenOnce', { time: formatTime(token.expires_at, i18n.language) })} />
        <ClipboardCopy isReadOnly hoverTip={t('common.copy')} clickTip={t('common.copied')} textAriaLabel={t('nodes.token')} copyAriaLabel={t('common.copy')}>
          {token.token}
        </ClipboardCopy>
      </ModalBody>
      <ModalFooter>
        <Button onClick={onClose}>{t('common.close')}</Button>
      </ModalFooter>
    </Modal>
  );
}
