// A button that turns while what it asked for is under way; PatternFly says "Loading..." then, in English.
import { Button, type ButtonProps } from '@patternfly/react-core';
import { useTranslation } from 'react-i18next';

export function BusyButton({ isBusy, ...rest }: Omit<ButtonProps, 'ref' | 'isLoading'> & { isBusy: boolean }) {
  const { t } = useTranslation();
  // eslint-disable-next-line no-restricted-syntax
  return <Button {...rest} isLoading={isBusy} spinnerAriaLabel={t('common.loading')} spinnerAriaValueText={t('common.loading')} />;
}
