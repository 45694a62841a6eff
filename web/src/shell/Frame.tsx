// Masthead and page around everything behind the log-in.
import {
  Divider,
  Dropdown,
  DropdownItem,
  DropdownList,
  Masthead,
  MastheadBrand,
  MastheadContent,
  MastheadLogo,
  MastheadMain,
  MastheadToggle,
  MenuToggle,
  Page,
  PageToggleButton,
  SkipToContent,
  Toolbar,
  ToolbarContent,
  ToolbarGroup,
  ToolbarItem,
} from '@patternfly/react-core';
import { BarsIcon, UserIcon } from '@patternfly/react-icons';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation, useNavigate } from 'react-router';
import { useLive } from '../live/LiveProvider';
import { Brand } from './Brand';
import { ConnectionBanner } from './ConnectionBanner';
import { useNotices } from './notices';
import { PageBoundary } from './PageBoundary';
import { LanguageChoice, ThemeChoice } from './Preferences';
import { useMe, useSession } from './session';

function UserMenu() {
  const { t } = useTranslation();
  const me = useMe();
  const { signOut } = useSession();
  const { feed } = useLive();
  const notices = useNotices();
  const navigate = useNavigate();
  const inAdmin = useLocation().pathname.startsWith('/admin');
  const [open, setOpen] = useState(false);
  const leave = () => signOut().then(() => navigate('/'), notices.failed);
  // A bCenter's portal has no administration (and no stream of changes).
  const mayAdminister = me.role === 'admin' && feed !== 'polling';
  return (
    <Dropdown
      isOpen={open}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      popperProps={{ position: 'right', appendTo: 'inline' }}
      toggle={(ref) => (
        <MenuToggle ref={ref} id="user-menu" variant="plainText" icon={<UserIcon />} isExpanded={open} onClick={() => setOpen(!open)}>
          {me.display_name || me.username}
        </MenuToggle>
      )}
    >
      <DropdownList>
        {mayAdminister && !inAdmin && (
          <DropdownItem key="admin" onClick={() => void navigate('/admin')}>
            {t('frame.administration')}
          </DropdownItem>
        )}
        {inAdmin && (
          <DropdownItem key="mine" onClick={() => void navigate('/')}>
            {t('frame.myDesktops')}
          </DropdownItem>
        )}
        <DropdownItem key="lanes" onClick={() => void navigate('/lanes')}>
          {t('lanes.title')}
        </DropdownItem>
        <Divider component="li" />
        <DropdownItem key="out" onClick={() => void leave()}>
          {t('frame.signOut')}
        </DropdownItem>
      </DropdownList>
    </Dropdown>
  );
}

interface FrameProps {
  children: ReactNode;
  sidebar?: ReactNode;
  search?: ReactNode;
  bottom?: ReactNode;
  section?: string;
}

export function Frame({ children, sidebar, search, bottom, section }: FrameProps) {
  const { t } = useTranslation();
  const at = useLocation().pathname;
  const masthead = (
    <Masthead>
      <MastheadMain>
        {sidebar && (
          <MastheadToggle>
            <PageToggleButton aria-label={t('frame.navigation')}>
              <BarsIcon />
            </PageToggleButton>
          </MastheadToggle>
        )}
        <MastheadBrand>
          <MastheadLogo component={(props) => <Link {...props} to={sidebar ? '/admin' : '/'} />}>
            <Brand section={section} />
          </MastheadLogo>
        </MastheadBrand>
      </MastheadMain>
      <MastheadContent>
        <Toolbar isStatic ouiaId="masthead">
          <ToolbarContent>
            {search && <ToolbarItem className="masthead-search">{search}</ToolbarItem>}
            <ToolbarGroup align={{ default: 'alignEnd' }} variant="action-group-plain" gap={{ default: 'gapNone' }}>
              <ToolbarItem>
                <LanguageChoice />
              </ToolbarItem>
              <ToolbarItem>
                <ThemeChoice />
              </ToolbarItem>
              <ToolbarItem>
                <UserMenu />
              </ToolbarItem>
            </ToolbarGroup>
          </ToolbarContent>
        </Toolbar>
      </MastheadContent>
    </Masthead>
  );
  return (
    <div className={sidebar ? 'app' : 'app portal'}>
      <Page
        masthead={masthead}
        sidebar={sidebar}
        isManagedSidebar={sidebar !== undefined}
        skipToContent={<SkipToContent href="#main">{t('frame.skip')}</SkipToContent>}
        mainContainerId="main"
        mainAriaLabel={t('frame.main')}
        banner={<ConnectionBanner />}
      >
        <PageBoundary at={at}>{children}</PageBoundary>
      </Page>
      {bottom}
    </div>
  );
}
