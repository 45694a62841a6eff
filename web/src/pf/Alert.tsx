// PatternFly's alert says "Danger alert:" to screen readers, and "Close … alert" on its button, in English.
// eslint-disable-next-line no-restricted-imports
import { Alert as Plain, AlertActionCloseButton, type AlertProps } from '@patternfly/react-core';
import { useTranslation } from 'react-i18next';

interface SpokenAlertProps extends Omit<AlertProps, 'variant' | 'variantLabel' | 'component' | 'actionClose'> {
  variant: 'success' | 'info' | 'warning' | 'danger';
  /** With it the alert has a button that takes it away. */
  onClose?: () => void;
}

export function Alert({ variant, title, onClose, ...rest }: SpokenAlertProps) {
  const { t } = useTranslation();
  const close = onClose && <AlertActionCloseButton aria-label={t('pf.closeThis', { title: String(title) })} onClose={onClose} />;
  return <Plain {...rest} component="p" variant={variant} title={title} variantLabel={`${t(`pf.alert.${variant}`)} `} {...(close ? { actionClose: close } : {})} />;
}
