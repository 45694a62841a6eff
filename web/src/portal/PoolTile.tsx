import { Button } from '@patternfly/react-core';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import type { MyPool } from '../api/types';
import { TileFace } from './TileFace';

export function PoolTile({ pool }: { pool: MyPool }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  return (
    <TileFace
      colorId={pool.id}
      name={pool.name}
      sub={pool.description || pool.image_name}
      state={<span className="quiet">{t(`home.pool.${pool.kind}`)}</span>}
    >
      <Button isBlock size="lg" onClick={() => void navigate(`/start/${pool.id}`)} aria-label={`${t('home.connect')}: ${pool.name}`}>
        {t('home.connect')}
      </Button>
    </TileFace>
  );
}
