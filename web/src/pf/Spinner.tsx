// PatternFly's spinner says "Loading...", in English.
// eslint-disable-next-line no-restricted-imports
import { Spinner as Plain, type SpinnerProps } from '@patternfly/react-core';
import { useTranslation } from 'react-i18next';

export function Spinner(props: Omit<SpinnerProps, 'ref' | 'aria-label' | 'aria-valuetext'>) {
  const { t } = useTranslation();
  return <Plain {...props} aria-label={t('common.loading')} aria-valuetext={t('common.loading')} />;
}
