import { Button } from '@patternfly/react-core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '../api/call';
import type { Bserver } from '../api/types';
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
      <Button variant="secondary" size="sm" onClick={press} isLoading={order.isPending} aria-label={`${word}: ${bserver.name}`}>
        {word}
      </Button>
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
