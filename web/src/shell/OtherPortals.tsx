// Where one can go on while this server cannot: the modules' own portals.
import { useTranslation } from 'react-i18next';
import { otherPortals } from '../api/session';

export function OtherPortals({ path = '/' }: { path?: string }) {
  const { t } = useTranslation();
  const portals = otherPortals();
  if (portals.length === 0) return null;
  return (
    <span className="other-portals">
      {t('banner.goOn')}{' '}
      {portals.map((portal) => (
        <a key={portal.url} href={`${portal.url}${path}`} className="banner-link">
          {portal.name}
        </a>
      ))}
    </span>
  );
}
