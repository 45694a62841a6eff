// A window on a list of any length: only the rows in view are in the page. A table for screen
// readers, with the number of each row in the whole; arrow keys, Page Up and Down go from row to row.
import { EmptyState, EmptyStateBody, Skeleton } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { type KeyboardEvent, type ReactNode, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ProblemNote } from '../shell/ProblemNote';
import { type Span, spanOf } from './chain';
import type { Column } from './ListTable';
import type { Grid } from './useGrid';

/** As in app.css: .grid-row. */
const ROW = 44;

export interface Selection<T> {
  has(row: T): boolean;
  toggle(row: T, on: boolean): void;
  labelOf(row: T): string;
}

interface GridTableProps<T> {
  label: string;
  grid: Grid<T>;
  span: Span;
  onSpan: (span: Span) => void;
  columns: Column<T>[];
  keyOf: (row: T) => string;
  actions: (row: T) => ReactNode;
  selection: Selection<T>;
  empty: ReactNode;
  sort?: string | undefined;
  onSort: (sort: string) => void;
  /** Another one is another list: it begins at its top. */
  about: string;
}

const STEPS: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 };

interface GridRowProps<T> {
  /** undefined: not read yet. */
  row: T | undefined;
  index: number;
  columns: Column<T>[];
  actions: (row: T) => ReactNode;
  selection: Selection<T>;
}

function keyOfRow<T>(row: T | undefined, index: number, keyOf: (row: T) => string): string | number {
  return row === undefined ? index : keyOf(row);
}

function GridRow<T>({ row, index, columns, actions, selection }: GridRowProps<T>) {
  const { t } = useTranslation();
  if (row === undefined) {
    return (
      <Tr className="grid-row" aria-rowindex={index + 2}>
        <Td colSpan={columns.length + 2}>
          <Skeleton screenreaderText={t('common.loading')} />
        </Td>
      </Tr>
    );
  }
  const isChosen = selection.has(row);
  return (
    <Tr className={isChosen ? 'grid-row chosen' : 'grid-row'} data-row={index} aria-rowindex={index + 2}>
      <Td>
        <input type="checkbox" className="grid-check" checked={isChosen} aria-label={selection.labelOf(row)} onChange={(event) => selection.toggle(row, event.target.checked)} />
      </Td>
      {columns.map((column) => (
        <Td key={column.title}>{column.cell(row)}</Td>
      ))}
      <Td isActionCell>{actions(row)}</Td>
    </Tr>
  );
}

export function GridTable<T>({ label, grid, span, onSpan, columns, keyOf, actions, selection, empty, sort, onSort, about }: GridTableProps<T>) {
  const { t } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  const [goal, setGoal] = useState<number | null>(null);
  const { rows } = grid;

  const look = () => {
    const element = box.current;
    if (!element) return;
    const next = spanOf(element.scrollTop, element.clientHeight, ROW, rows);
    if (next.first !== span.first || next.end !== span.end) onSpan(next);
  };
  // Also after each change of the list or the window's size.
  useLayoutEffect(look);
  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const watch = new ResizeObserver(look);
    watch.observe(element);
    return () => watch.disconnect();
  });
  // Another list begins at its top.
  useEffect(() => {
    if (box.current) box.current.scrollTop = 0;
  }, [about]);
  // A row that had the focus and has left the window leaves it with the window, not with the page.
  const hadFocus = useRef(false);
  useLayoutEffect(() => {
    if (hadFocus.current && document.activeElement === document.body) box.current?.focus({ preventScroll: true });
  });
  useEffect(() => {
    const watch = (event: FocusEvent) => {
      hadFocus.current = box.current?.contains(event.target as Node) ?? false;
    };
    document.addEventListener('focusin', watch);
    return () => document.removeEventListener('focusin', watch);
  }, []);
  useEffect(() => {
    if (goal === null) return;
    const field = box.current?.querySelector<HTMLElement>(`[data-row="${goal}"] input`);
    if (!field) return;
    field.focus({ preventScroll: true });
    setGoal(null);
  }, [goal, span, grid]);

  const go = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    const element = box.current;
    const row = (event.target as HTMLElement).closest('[data-row]')?.getAttribute('data-row');
    if (step === undefined || !element || row === null || row === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(rows - 1, Number(row) + step));
    const top = next * ROW;
    const room = element.clientHeight - 2 * ROW; // the head covers one
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top > element.scrollTop + room) element.scrollTop = top - room;
    setGoal(next);
  };

  if (grid.error && rows === 0) return <ProblemNote error={grid.error} onRetry={grid.refetch} />;
  if (!grid.isFirstLoad && rows === 0) {
    return (
      <EmptyState titleText={t('list.empty')} headingLevel="h2" variant="sm">
        <EmptyStateBody>{empty}</EmptyStateBody>
      </EmptyState>
    );
  }
  const field = sort?.replace(/^-/, '');
  const sorted = columns.findIndex((column) => column.sort !== undefined && column.sort === field);
  const wide = columns.length + 2;
  const numbers = Array.from({ length: Math.max(0, span.end - span.first) }, (_, at) => span.first + at).filter((index) => index < rows);
  const below = Math.max(0, rows - span.end);
  return (
    <>
      {grid.error !== null && <ProblemNote error={grid.error} onRetry={grid.refetch} />}
      {/* A scrolling region must be reachable by keyboard. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex, jsx-a11y/no-noninteractive-element-interactions */}
      <div ref={box} className="list-card grid-box" role="region" aria-label={label} tabIndex={0} onScroll={look} onKeyDown={go}>
        <Table aria-label={label} variant="compact" isStickyHeader gridBreakPoint="" aria-rowcount={grid.total === null ? -1 : grid.total + 1}>
          <Thead>
            <Tr aria-rowindex={1}>
              <Th screenReaderText={t('grid.select')} />
              {columns.map((column, index) => (
                <Th
                  key={column.title}
                  modifier="nowrap"
                  {...(column.sort
                    ? {
                        sort: {
                          columnIndex: index,
                          sortBy: sorted < 0 ? {} : { index: sorted, direction: sort?.startsWith('-') ? 'desc' : 'asc' },
                          onSort: (_event, _index, direction) => onSort(`${direction === 'desc' ? '-' : ''}${column.sort ?? ''}`),
                        },
                      }
                    : {})}
                >
                  {column.title}
                </Th>
              ))}
              <Th screenReaderText={t('list.actions')} />
            </Tr>
          </Thead>
          <Tbody>
            {span.first > 0 && (
              <tr aria-hidden="true" style={{ height: span.first * ROW }}>
                <td colSpan={wide} />
              </tr>
            )}
            {numbers.map((index) => (
              <GridRow key={keyOfRow(grid.rowAt(index), index, keyOf)} row={grid.rowAt(index)} index={index} columns={columns} actions={actions} selection={selection} />
            ))}
            {below > 0 && (
              <tr aria-hidden="true" style={{ height: below * ROW }}>
                <td colSpan={wide} />
              </tr>
            )}
          </Tbody>
        </Table>
      </div>
    </>
  );
}
