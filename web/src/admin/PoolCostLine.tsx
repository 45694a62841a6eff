// What the pool asks of the system, before it is made.
import { useTranslation } from 'react-i18next';
import { Alert } from '../pf/Alert';
import { formatMib } from '../words/time';
import type { PoolCost } from './poolDraft';

export function PoolCostLine({ cost }: { cost: PoolCost }) {
  const { t, i18n } = useTranslation();
  if (cost.desktops === 0) return <p className="cost quiet">{t('pools.costNone')}</p>;
  const words = t('pools.cost', {
    count: cost.desktops,
    memory: formatMib(cost.memoryMib, i18n.language),
    vcpus: cost.vcpus,
    disk: cost.diskGib,
  });
  const short = cost.vfs > cost.vfsFree;
  return (
    <div aria-live="polite">
      <p className="cost">
        {words} {cost.vfs > 0 && t('pools.costVfs', { needed: cost.vfs, free: cost.vfsFree })}
      </p>
      {short && <Alert variant="warning" isInline isPlain title={t('pools.costVfsShort')} />}
      {cost.desktops > cost.slotsFree && <Alert variant="warning" isInline isPlain title={t('pools.costSlots', { free: cost.slotsFree })} />}
    </div>
  );
}
