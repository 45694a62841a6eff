import { Button, Form, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { type FormEvent, type ReactNode, useId } from 'react';
import { useTranslation } from 'react-i18next';
import { BusyButton } from '../pf/BusyButton';
import { Modal } from '../pf/Modal';
import { type Faults, FormErrors } from './errors';
import { FormProblem } from './FormProblem';
import type { Meanwhile } from './merge';

interface FormDialogProps extends Faults {
  title: string;
  submit: string;
  isBusy: boolean;
  meanwhile?: Meanwhile[] | null;
  onSubmit: () => void;
  onClose: () => void;
  children: ReactNode;
}

export function FormDialog({ title, submit, error, own, isBusy, meanwhile, onSubmit, onClose, children }: FormDialogProps) {
  const { t } = useTranslation();
  const id = useId();
  const send = (event: FormEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <Modal variant="small" onClose={onClose} aria-labelledby={`${id}-title`}>
      <ModalHeader title={title} labelId={`${id}-title`} />
      <ModalBody>
        <FormErrors error={error} {...(own ? { own } : {})}>
          <Form id={id} onSubmit={send}>
            <FormProblem {...(meanwhile ? { meanwhile } : {})} />
            {children}
          </Form>
        </FormErrors>
      </ModalBody>
      <ModalFooter>
        <BusyButton type="submit" form={id} isBusy={isBusy} isDisabled={isBusy}>
          {submit}
        </BusyButton>
        <Button variant="link" onClick={onClose}>
          {t('common.cancel')}
        </Button>
      </ModalFooter>
    </Modal>
  );
}
