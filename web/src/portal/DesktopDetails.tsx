import { Button, DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { useTranslation } from 'react-i18next';
import type { Desktop } from '../api/types';
import { Modal } from '../pf/Modal';
import { DesktopStateLabel } from '../words/StateLabel';
import { formatTime } from '../words/time';

export function DesktopDetails({ name, desktop, onClose }: { name: string; desktop: Desktop; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const rows: [string, React.ReactNode][] = [
    [t('field.state'), <DesktopStateLabel key="state" state={desktop.state} />],
    [t('field.name'), desktop.name],
    [t('field.pool'), desktop.pool_name],
    [t('field.kind'), t(`home.pool.${desktop.kind}`)],
    [t('field.session'), desktop.session ? formatTime(desktop.session.since, i18n.language) : t('common.none')],
    [t('field.asOf'), formatTime(desktop.as_of, i18n.language)],
    [t('field.id'), desktop.id],
  ];
  if (desktop.reason) rows.splice(1, 0, [t('field.reason'), t(`problem.${desktop.reason.slug}`, { defaultValue: desktop.reason.slug })]);
  return (
    <Modal variant="small" onClose={onClose} aria-labelledby="details-title">
      <ModalHeader title={name} labelId="details-title" />
      <ModalBody tabIndex={0} aria-label={t('home.details')}>
        <DescriptionList isHorizontal isCompact>
          {rows.map(([term, value]) => (
            <DescriptionListGroup key={term}>
              <DescriptionListTerm>{term}</DescriptionListTerm>
              <DescriptionListDescription>{value}</DescriptionListDescription>
            </DescriptionListGroup>
          ))}
        </DescriptionList>
      </ModalBody>
      <ModalFooter>
        <Button onClick={onClose}>{t('common.close')}</Button>
      </ModalFooter>
    </Modal>
  );
}
