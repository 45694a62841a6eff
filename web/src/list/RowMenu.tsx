import { Dropdown, DropdownItem, DropdownList, MenuToggle } from '@patternfly/react-core';
import { EllipsisVIcon } from '@patternfly/react-icons';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { menuPlace } from '../shell/menuPlace';

export interface RowItem {
  text: string;
  hint?: string;
  isDanger?: boolean;
  onClick: () => void;
}

export function RowMenu({ name, items }: { name: string; items: RowItem[] }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  return (
    <Dropdown
      isOpen={open}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      popperProps={{ position: 'right', appendTo: menuPlace }}
      toggle={(ref) => (
        <MenuToggle ref={ref} variant="plain" isExpanded={open} aria-label={`${t('desktop.menu')}: ${name}`} icon={<EllipsisVIcon />} onClick={() => setOpen(!open)} />
      )}
    >
      <DropdownList>
        {items.map(({ text, hint, isDanger = false, onClick }) => (
          <DropdownItem key={text} isDanger={isDanger} description={hint} onClick={onClick}>
            {text}
          </DropdownItem>
        ))}
      </DropdownList>
    </Dropdown>
  );
}
