import { Button, Dropdown, DropdownItem, DropdownList, MenuToggle } from '@patternfly/react-core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'react-router';
import { call } from '../api/call';
import type { Desktop, DesktopAction, DesktopFilter, DesktopState } from '../api/types';
import { DesktopMenu } from '../desktop/DesktopMenu';
import type { Span } from '../list/chain';
import { SelectFilter, TextFilter } from '../list/Filter';
import { GridTable } from '../list/GridTable';
import type { Column } from '../list/ListTable';
import { useFilters } from '../list/useFilters';
import { useGrid } from '../list/useGrid';
import { menuPlace } from '../shell/menuPlace';
import { PageHead } from '../shell/PageHead';
import { ADMIN_ACTIONS, DESKTOP_STATES, isDangerous, OWNER_ACTIONS } from '../words/desktop';
import { DesktopStateLabel } from '../words/StateLabel';
import { formatNumber } from '../words/time';
import { BulkDialog, type BulkTarget } from './BulkDialog';
import { useBservers, useModules, usePools } from './choices';
import { filterOf, FILTERS, mark, type Marked, whyNotAll } from './desktopSelection';
import { PersonFilter } from './PersonFilter';
import { SavedFilters } from './SavedFilters';

const NOTHING: Marked = new Map();

function useColumns(): Column<Desktop>[] {
  const { t } = useTranslation();
  return [
    { title: t('field.name'), sort: 'name', cell: (row) => <Link to={`/admin/desktops/${row.id}`}>{row.name}</Link> },
    { title: t('field.state'), cell: (row) => <DesktopStateLabel state={row.state} percent={row.operation?.percent} /> },
    { title: t('field.person'), cell: (row) => row.username ?? '–' },
    { title: t('field.pool'), cell: (row) => <Link to={`/admin/pools/${row.pool_id}`}>{row.pool_name}</Link> },
    { title: t('field.bserver'), cell: (row) => (row.bserver_id ? <Link to={`/admin/bservers/${row.bserver_id}`}>{row.bserver_name}</Link> : '–') },
    { title: t('field.reason'), cell: (row) => (row.reason ? t(`problem.${row.reason.slug}`, { defaultValue: row.reason.slug }) : '') },
  ];
}

/** All filters at once, as a kept filter has them. */
function useChooseFilter() {
  const [, setParams] = useSearchParams();
  return (filter: DesktopFilter) =>
    setParams((before) => {
      const after = new URLSearchParams(before);
      for (const name of FILTERS) {
        const value = filter[name];
        if (value) after.set(name, value);
        else after.delete(name);
      }
      return after;
    });
}

interface BulkMenuProps {
  isDisabled: boolean;
  onChoose: (action: DesktopAction) => void;
}

function BulkMenu({ isDisabled, onChoose }: BulkMenuProps) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  return (
    <Dropdown
      isOpen={open}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      popperProps={{ appendTo: menuPlace }}
      toggle={(ref) => (
        <MenuToggle ref={ref} isExpanded={open} isDisabled={isDisabled} onClick={() => setOpen(!open)}>
          {t('bulk.menu')}
        </MenuToggle>
      )}
    >
      <DropdownList>
        {[...OWNER_ACTIONS, ...ADMIN_ACTIONS].map((action) => (
          <DropdownItem key={action} isDanger={isDangerous(action)} description={t(`actionHint.${action}`)} onClick={() => onChoose(action)}>
            {t(`action.${action}`)}
          </DropdownItem>
        ))}
      </DropdownList>
    </Dropdown>
  );
}

interface BulkBarProps {
  marked: Marked;
  filter: DesktopFilter | null;
  total: number | null;
  isAll: boolean;
  onAll: () => void;
  onNone: () => void;
  onChoose: (action: DesktopAction) => void;
}

function BulkBar({ marked, filter, total, isAll, onAll, onNone, onChoose }: BulkBarProps) {
  const { t, i18n } = useTranslation();
  const why = whyNotAll(filter, total);
  const isAny = isAll || marked.size > 0;
  return (
    <div className="bulk-bar" role="group" aria-label={t('bulk.menu')}>
      <span aria-live="polite">
        {isAll
          ? t('grid.allMatching', { count: total ?? 0 })
          : marked.size > 0
            ? t('grid.marked', { count: marked.size })
            : t('grid.total', { total: total === null ? t('grid.moreThan', { number: formatNumber(10_000, i18n.language) }) : formatNumber(total, i18n.language) })}
      </span>
      {!isAll && (
        <Button variant="link" isInline isAriaDisabled={why !== null} onClick={() => why === null && onAll()} {...(why ? { 'aria-describedby': 'why-not-all' } : {})}>
          {t('grid.takeAll')}
        </Button>
      )}
      {!isAll && why && (
        <span id="why-not-all" className="quiet">
          {t(`grid.whyNotAll.${why}`)}
        </span>
      )}
      {isAny && (
        <Button variant="link" isInline onClick={onNone}>
          {t('grid.takeNone')}
        </Button>
      )}
      <span className="operations-right">
        <BulkMenu isDisabled={!isAny} onChoose={onChoose} />
      </span>
    </div>
  );
}

export function DesktopsPage() {
  const { t } = useTranslation();
  const filters = useFilters([...FILTERS, 'sort'] as const);
  const choose = useChooseFilter();
  const pools = usePools();
  const bservers = useBservers();
  const modules = useModules();
  const columns = useColumns();
  const { values } = filters;
  const about = JSON.stringify(filterOf(values));
  const [span, setSpan] = useState<Span>({ first: 0, end: 40 });
  const [chosen, setChosen] = useState<{ marked: Marked; allOf: string | null }>({ marked: NOTHING, allOf: null });
  const [asked, setAsked] = useState<{ action: DesktopAction; target: BulkTarget } | null>(null);
  const grid = useGrid<Desktop>({
    kind: 'desktop',
    filters: values,
    span,
    read: (query) => call('get', '/desktops', { query: { ...query, ...values, state: values.state as DesktopState | undefined } }),
  });
  const filter = filterOf(values);
  // "All that match" holds for the filter it was said of.
  const isAll = chosen.allOf !== null && chosen.allOf === about;
  const { marked } = chosen;
  return (
    <>
      <PageHead title={t('nav.desktops')} asOf={grid.asOf} />
      <div className="list-tools" role="search" aria-label={t('list.filters')}>
        <TextFilter label={t('field.name')} value={values.q} onChange={(value) => filters.set('q', value)} />
        <SelectFilter label={t('field.state')} value={values.state} options={DESKTOP_STATES.map((state) => [state, t(`state.${state}`)])} onChange={(value) => filters.set('state', value)} />
        <SelectFilter label={t('field.pool')} value={values.pool_id} options={pools.items.map(({ id, name }) => [id, name])} onChange={(value) => filters.set('pool_id', value)} />
        <SelectFilter label={t('field.bserver')} value={values.bserver_id} options={bservers.items.map(({ id, name }) => [id, name])} onChange={(value) => filters.set('bserver_id', value)} />
        <SelectFilter label={t('field.module')} value={values.module_id} options={modules.items.map(({ id, name }) => [id, name])} onChange={(value) => filters.set('module_id', value)} />
        <PersonFilter label={t('field.person')} value={values.person_id} onChange={(value) => filters.set('person_id', value)} />
        <SavedFilters filter={filter} onChoose={choose} />
      </div>
      <BulkBar
        marked={marked}
        filter={filter}
        total={grid.total}
        isAll={isAll}
        onAll={() => setChosen({ marked: NOTHING, allOf: about })}
        onNone={() => setChosen({ marked: NOTHING, allOf: null })}
        onChoose={(action) => setAsked({ action, target: isAll && filter ? { filter } : { desktops: [...marked.keys()] } })}
      />
      <GridTable
        about={JSON.stringify(values)}
        label={t('nav.desktops')}
        grid={grid}
        span={span}
        onSpan={setSpan}
        columns={columns}
        keyOf={(row) => row.id}
        empty={filters.isEmpty ? t('desktops.empty') : t('list.emptyFiltered')}
        sort={values.sort}
        onSort={(sort) => filters.set('sort', sort)}
        selection={{
          has: (row) => isAll || marked.has(row.id),
          toggle: (row, on) => setChosen({ marked: mark(marked, row, on), allOf: null }),
          labelOf: (row) => t('grid.mark', { name: row.name }),
        }}
        actions={(row) => <DesktopMenu desktop={row} forAdmin />}
      />
      {asked && <BulkDialog {...asked} onClose={() => setAsked(null)} onGiven={() => setChosen({ marked: NOTHING, allOf: null })} />}
    </>
  );
}
