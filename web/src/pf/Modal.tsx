// PatternFly's dialog has a button named "Close", in English: this one has its own.
// eslint-disable-next-line no-restricted-imports
import { Button, Modal as Plain, type ModalProps } from '@patternfly/react-core';
import { TimesIcon } from '@patternfly/react-icons';
import { useTranslation } from 'react-i18next';

interface SpokenModalProps extends Omit<ModalProps, 'ref' | 'onClose' | 'onEscapePress' | 'isOpen'> {
  onClose: () => void;
}

export function Modal({ onClose, children, ...rest }: SpokenModalProps) {
  const { t } = useTranslation();
  return (
    <Plain {...rest} isOpen onEscapePress={onClose}>
      <div className="pf-v6-c-modal-box__close">
        <Button variant="plain" aria-label={t('common.close')} icon={<TimesIcon />} onClick={onClose} />
      </div>
      {children}
    </Plain>
  );
}
