import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import type { Bserver } from '../api/types';
import { BusyButton } from '../pf/BusyButton';
import { Confirm } from '../shell/Confirm';
import { useWrite } from '../shell/useWrite';

export function BserverMaintenance({ bserver }: { bserver: Bserver }) {
  const { t } = useTranslation();
  const [asking, setAsking] = useState(false);
  const back = bserver.state === 'maintenance';
  const word = t(back ? 'bservers.resume' : 'bservers.maintenance');
  const order = useWrite({
    kinds: ['bserver', 'module', 'operation'],
    write: (action: 'maintenance' | 'resume') => call('post', '/bservers/{id}/actions', { path: { id: bserver.id }, body: { action } }),
    done: () => t('desktop.asked', { action: word, name: bserver.name }),
  });
  const press = () => (back ? order.mutate('resume') : setAsking(true));
  return (
    <>
      <BusyButton variant="secondary" size="sm" onClick={press} isBusy={order.isPending} aria-label={`${word}: ${bserver.name}`}>
        {word}
      </BusyButton>
      {asking && (
        <Confirm
          title={`${word}: ${bserver.name}`}
          body={t('bservers.maintenanceBody', { running: bserver.running })}
          action={word}
          onCancel={() => setAsking(false)}
          onConfirm={() => {
            setAsking(false);
            order.mutate('maintenance');
          }}
        />
      )}
    </>
  );
}
