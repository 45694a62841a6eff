// Asks once before something that loses something, and says what will happen.
import { Button, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { BusyButton } from '../pf/BusyButton';
import { Modal } from '../pf/Modal';

export interface ConfirmProps {
  title: string;
  body: ReactNode;
  action: string;
  /** Instead of "Cancel", where that could mean two things. */
  stay?: string;
  isBusy?: boolean;
  onConfirm: () => void;
  onCancel: () => void;
}

export function Confirm({ title, body, action, stay, isBusy = false, onConfirm, onCancel }: ConfirmProps) {
  const { t } = useTranslation();
  return (
    <Modal variant="small" onClose={onCancel} aria-labelledby="confirm-title" aria-describedby="confirm-body">
      <ModalHeader title={title} labelId="confirm-title" titleIconVariant="warning" />
      <ModalBody id="confirm-body">{body}</ModalBody>
      <ModalFooter>
        <BusyButton variant="danger" onClick={onConfirm} isBusy={isBusy} isDisabled={isBusy}>
          {action}
        </BusyButton>
        <Button variant="link" onClick={onCancel}>
          {stay ?? t('common.cancel')}
        </Button>
      </ModalFooter>
    </Modal>
  );
}
