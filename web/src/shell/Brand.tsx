import { useTranslation } from 'react-i18next';

export function Brand({ section }: { section?: string | undefined }) {
  const { t } = useTranslation();
  return (
    <span className="brand">
      <img src="/favicon.svg" alt="" width={28} height={28} />
      <span className="brand-name">{t('frame.product')}</span>
      {section && <span className="brand-section">{section}</span>}
    </span>
  );
}
