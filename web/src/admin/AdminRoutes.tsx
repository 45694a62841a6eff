// Administration: its navigation, its pages, and the operations drawer under all of them.
import { Nav, NavGroup, NavItem, NavList, PageSection, PageSidebar, PageSidebarBody } from '@patternfly/react-core';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, Navigate, Route, Routes, useLocation, useNavigate } from 'react-router';
import { useLive } from '../live/LiveProvider';
import { SearchInput } from '../pf/SearchInput';
import { Frame } from '../shell/Frame';
import { NotFoundPage } from '../shell/NotFoundPage';
import { AuditPage } from './AuditPage';
import { BserverPage } from './BserverPage';
import { BserversPage } from './BserversPage';
import { DesktopPage } from './DesktopPage';
import { DesktopsPage } from './DesktopsPage';
import { EntitlementsPage } from './EntitlementsPage';
import { GroupPage } from './GroupPage';
import { GroupsPage } from './GroupsPage';
import { ImagePage } from './ImagePage';
import { ImagesPage } from './ImagesPage';
import { NodesPage } from './NodesPage';
import { OperationsDrawer } from './OperationsDrawer';
import { OperationsPage } from './OperationsPage';
import { OverviewPage } from './OverviewPage';
import { PoolFormPage } from './PoolFormPage';
import { PoolsPage } from './PoolsPage';
import { SessionsPage } from './SessionsPage';
import { SpecsPage } from './SpecsPage';
import { TopologyPage } from './TopologyPage';
import { UsersPage } from './UsersPage';

export const ADMIN_MENU = [
  { group: 'watch', pages: ['', 'desktops', 'sessions', 'operations'] },
  { group: 'offer', pages: ['pools', 'images', 'specs'] },
  { group: 'people', pages: ['users', 'groups', 'entitlements'] },
  { group: 'system', pages: ['topology', 'bservers', 'nodes', 'audit'] },
] as const;

function Sidebar() {
  const { t } = useTranslation();
  const current = useLocation().pathname.split('/')[2] ?? '';
  return (
    <PageSidebar>
      <PageSidebarBody>
        <Nav aria-label={t('frame.navigation')}>
          {ADMIN_MENU.map(({ group, pages }) => (
            <NavGroup key={group} title={t(`nav.group.${group}`)}>
              {pages.map((page) => (
                <NavItem key={page} itemId={page} isActive={current === page}>
                  <Link to={page === '' ? '/admin' : `/admin/${page}`}>{t(`nav.${page === '' ? 'overview' : page}`)}</Link>
                </NavItem>
              ))}
              {group === 'system' && (
                <NavItem itemId="api">
                  <a href="/docs">{t('nav.api')}</a>
                </NavItem>
              )}
            </NavGroup>
          ))}
          <NavList />
        </Nav>
      </PageSidebarBody>
    </PageSidebar>
  );
}

/** "/" anywhere goes to the search for a desktop. */
function DesktopSearch() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [text, setText] = useState('');
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLElement && event.target.closest('input, textarea, select, [contenteditable]');
      if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      field.current?.focus();
    };
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, []);
  const search = (event: FormEvent) => {
    event.preventDefault();
    void navigate(`/admin/desktops?q=${encodeURIComponent(text.trim())}`);
  };
  return (
    <form role="search" onSubmit={search}>
      <SearchInput
        ref={field}
        searchInputId="search"
        value={text}
        placeholder={t('nav.search')}
        aria-label={t('nav.search')}
        onChange={(_, value) => setText(value)}
        onClear={() => setText('')}
      />
    </form>
  );
}

export default function AdminRoutes() {
  const { t } = useTranslation();
  const { feed } = useLive();
  // A bCenter's portal serves no administration.
  if (feed === 'polling') return <Navigate to="/" replace />;
  return (
    <Frame sidebar={<Sidebar />} search={<DesktopSearch />} bottom={<OperationsDrawer />} section={t('frame.administration')}>
      <PageSection isFilled>
        <Routes>
          <Route index element={<OverviewPage />} />
          <Route path="desktops" element={<DesktopsPage />} />
          <Route path="desktops/:id" element={<DesktopPage />} />
          <Route path="sessions" element={<SessionsPage />} />
          <Route path="operations" element={<OperationsPage />} />
          <Route path="pools" element={<PoolsPage />} />
          <Route path="pools/new" element={<PoolFormPage />} />
          <Route path="pools/:id" element={<PoolFormPage />} />
          <Route path="images" element={<ImagesPage />} />
          <Route path="images/:id" element={<ImagePage />} />
          <Route path="specs" element={<SpecsPage />} />
          <Route path="users" element={<UsersPage />} />
          <Route path="groups" element={<GroupsPage />} />
          <Route path="groups/:id" element={<GroupPage />} />
          <Route path="entitlements" element={<EntitlementsPage />} />
          <Route path="topology" element={<TopologyPage />} />
          <Route path="bservers" element={<BserversPage />} />
          <Route path="bservers/:id" element={<BserverPage />} />
          <Route path="nodes" element={<NodesPage />} />
          <Route path="audit" element={<AuditPage />} />
          <Route path="*" element={<NotFoundPage />} />
        </Routes>
      </PageSection>
    </Frame>
  );
}
