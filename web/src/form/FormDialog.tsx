import { Button, Form, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { type FormEvent, type ReactNode, useId } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiProblem } from '../api/problem';
import { FieldErrors } from './fields';
import { FormProblem } from './FormProblem';

interface FormDialogProps {
  title: string;
  submit: string;
  error: unknown;
  isBusy: boolean;
  onSubmit: () => void;
  onClose: () => void;
  children: ReactNode;
}

export function FormDialog({ title, submit, error, isBusy, onSubmit, onClose, children }: FormDialogProps) {
  const { t } = useTranslation();
  const id = useId();
  const send = (event: FormEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <Modal variant="small" isOpen onClose={onClose} aria-labelledby={`${id}-title`}>
      <ModalHeader title={title} labelId={`${id}-title`} />
      <ModalBody>
        <FieldErrors value={error instanceof ApiProblem ? error.problem : null}>
          <Form id={id} onSubmit={send}>
            <FormProblem error={error} onReload={onClose} />
            {children}
          </Form>
        </FieldErrors>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form={id} isLoading={isBusy} isDisabled={isBusy}>
          {submit}
        </Button>
        <Button variant="link" onClick={onClose}>
          {t('common.cancel')}
        </Button>
      </ModalFooter>
    </Modal>
  );
}
