// PatternFly's search field has a button named "Reset", in English.
// eslint-disable-next-line no-restricted-imports
import { SearchInput as Plain, type SearchInputProps } from '@patternfly/react-core';
import { forwardRef } from 'react';
import { useTranslation } from 'react-i18next';

export const SearchInput = forwardRef<HTMLInputElement, Omit<SearchInputProps, 'ref' | 'resetButtonLabel'>>(function SearchInput(props, ref) {
  const { t } = useTranslation();
  return <Plain {...props} ref={ref} resetButtonLabel={t('pf.reset')} />;
});
