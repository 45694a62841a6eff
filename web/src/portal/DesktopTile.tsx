import { Button } from '@patternfly/react-core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import type { Desktop } from '../api/types';
import { DesktopMenu } from '../desktop/DesktopMenu';
import { DesktopStateLabel } from '../words/StateLabel';
import { DesktopDetails } from './DesktopDetails';
import { TileFace } from './TileFace';
import { startOf } from './tiles';

export function DesktopTile({ name, desktop }: { name: string; desktop: Desktop }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [details, setDetails] = useState(false);
  const { operation } = desktop;
  const open = startOf(desktop);
  const connect = desktop.session ? t('home.goOn') : t('home.connect');
  return (
    <TileFace
      colorId={desktop.pool_id}
      name={name}
      sub={name === desktop.name ? desktop.pool_name : desktop.name}
      menu={
        <DesktopMenu
          desktop={desktop}
          extra={[
            { key: 'window', text: t('home.newWindow'), onClick: () => window.open(open, '_blank', 'noopener') },
            { key: 'details', text: t('home.details'), onClick: () => setDetails(true) },
          ]}
        />
      }
      state={
        <>
          <DesktopStateLabel state={desktop.state} percent={operation?.percent} />
          {operation?.stage && <span className="quiet">{t(`stage.${operation.stage}`, { defaultValue: operation.stage })}</span>}
          {desktop.reason && <p className="tile-reason">{t(`problem.${desktop.reason.slug}`, { defaultValue: desktop.reason.slug })}</p>}
        </>
      }
    >
      <Button
        isBlock
        size="lg"
        onClick={() => void navigate(open)}
        isDisabled={desktop.state === 'deleting'}
        aria-label={`${connect}: ${name}`}
      >
        {connect}
      </Button>
      {details && <DesktopDetails name={name} desktop={desktop} onClose={() => setDetails(false)} />}
    </TileFace>
  );
}
