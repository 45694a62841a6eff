// What may be done with a desktop now; the rest greyed, with the reason.
import { Divider, Dropdown, DropdownItem, DropdownList, MenuToggle } from '@patternfly/react-core';
import { EllipsisVIcon } from '@patternfly/react-icons';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { menuPlace } from '../shell/menuPlace';
import type { Desktop, DesktopAction } from '../api/types';
import { useLive } from '../live/LiveProvider';
import { Confirm } from '../shell/Confirm';
import { ADMIN_ACTIONS, isDangerous, OWNER_ACTIONS, whyNot } from '../words/desktop';
import { useDesktopAction } from './useDesktopAction';

interface ExtraItem {
  key: string;
  text: string;
  onClick: () => void;
}

interface DesktopMenuProps {
  desktop: Desktop;
  extra?: ExtraItem[];
  forAdmin?: boolean;
  /** Words on the toggle; without, three dots. */
  label?: string;
}

export function DesktopMenu({ desktop, extra = [], forAdmin = false, label }: DesktopMenuProps) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const [asking, setAsking] = useState<DesktopAction | null>(null);
  // A bCenter's portal connects people; it takes no power actions.
  const atModule = useLive().feed === 'polling';
  const order = useDesktopAction();
  const choose = (action: DesktopAction) => {
    if (isDangerous(action)) setAsking(action);
    else order.mutate({ desktop, action });
  };
  const item = (action: DesktopAction) => {
    const reason = atModule ? 'elsewhere' : whyNot(action, desktop);
    return (
      <DropdownItem
        key={action}
        isAriaDisabled={reason !== null}
        isDanger={isDangerous(action) && reason === null}
        description={reason ? t(`whyNot.${reason}`) : t(`actionHint.${action}`)}
        onClick={() => reason === null && choose(action)}
      >
        {t(`action.${action}`)}
      </DropdownItem>
    );
  };
  return (
    <>
      <Dropdown
        isOpen={open}
        onOpenChange={setOpen}
        onSelect={() => setOpen(false)}
        isScrollable
        maxMenuHeight="75vh"
        popperProps={{ position: 'right', appendTo: menuPlace }}
        toggle={(ref) => (
          <MenuToggle
            ref={ref}
            variant={label ? 'default' : 'plain'}
            isExpanded={open}
            onClick={() => setOpen(!open)}
            {...(label ? {} : { 'aria-label': `${t('desktop.menu')}: ${desktop.name}`, icon: <EllipsisVIcon /> })}
          >
            {label}
          </MenuToggle>
        )}
      >
        <DropdownList>
          {extra.map(({ key, text, onClick }) => (
            <DropdownItem key={key} onClick={onClick}>
              {text}
            </DropdownItem>
          ))}
          {extra.length > 0 && <Divider component="li" />}
          {OWNER_ACTIONS.map(item)}
          {forAdmin && <Divider component="li" />}
          {forAdmin && ADMIN_ACTIONS.map(item)}
        </DropdownList>
      </Dropdown>
      {asking && (
        <Confirm
          title={`${t(`action.${asking}`)}: ${desktop.name}`}
          body={t(`confirm.${asking}`)}
          action={t(`action.${asking}`)}
          onCancel={() => setAsking(null)}
          onConfirm={() => {
            order.mutate({ desktop, action: asking });
            setAsking(null);
          }}
        />
      )}
    </>
  );
}
