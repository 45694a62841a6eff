// A list as a table: sorting by the server, cursor paging, an empty state that says what to do.
import { Button, EmptyState, EmptyStateBody, Skeleton } from '@patternfly/react-core';
import { AngleLeftIcon, AngleRightIcon } from '@patternfly/react-icons';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { ProblemNote } from '../shell/ProblemNote';
import type { List } from './useList';

export interface Column<T> {
  title: string;
  cell: (row: T) => ReactNode;
  /** Field the server sorts by. */
  sort?: string;
}

interface ListTableProps<T> {
  label: string;
  list: List<T>;
  columns: Column<T>[];
  keyOf: (row: T) => string;
  actions?: (row: T) => ReactNode;
  empty: ReactNode;
  sort?: string | undefined;
  onSort?: (sort: string) => void;
}

export function ListTable<T>({ label, list, columns, keyOf, actions, empty, sort, onSort }: ListTableProps<T>) {
  const { t } = useTranslation();
  if (list.error && list.items.length === 0) return <ProblemNote error={list.error} onRetry={list.refetch} />;
  if (!list.isFirstLoad && list.items.length === 0 && list.page === 1) {
    return (
      <EmptyState titleText={t('list.empty')} headingLevel="h2" variant="sm">
        <EmptyStateBody>{empty}</EmptyStateBody>
      </EmptyState>
    );
  }
  const field = sort?.replace(/^-/, '');
  const sortedColumn = columns.findIndex((column) => column.sort !== undefined && column.sort === field);
  const table = (
    // A scrolling region must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="list-card" role="region" aria-label={label} tabIndex={0}>
      <Table aria-label={label} variant="compact" isStickyHeader={false}>
        <Thead>
          <Tr>
            {columns.map((column, index) => (
              <Th
                key={column.title}
                modifier="nowrap"
                {...(column.sort && onSort
                  ? {
                      sort: {
                        columnIndex: index,
                        sortBy: sortedColumn < 0 ? {} : { index: sortedColumn, direction: sort?.startsWith('-') ? 'desc' : 'asc' },
                        onSort: (_event, _index, direction) => onSort(`${direction === 'desc' ? '-' : ''}${column.sort ?? ''}`),
                      },
                    }
                  : {})}
              >
                {column.title}
              </Th>
            ))}
            {actions && <Th screenReaderText={t('list.actions')} />}
          </Tr>
        </Thead>
        <Tbody>
          {list.isFirstLoad
            ? [0, 1, 2, 3].map((row) => (
                <Tr key={row}>
                  <Td colSpan={columns.length + (actions ? 1 : 0)}>
                    <Skeleton screenreaderText={t('common.loading')} />
                  </Td>
                </Tr>
              ))
            : list.items.map((row) => (
                <Tr key={keyOf(row)}>
                  {columns.map((column) => (
                    <Td key={column.title} dataLabel={column.title}>
                      {column.cell(row)}
                    </Td>
                  ))}
                  {actions && <Td isActionCell>{actions(row)}</Td>}
                </Tr>
              ))}
        </Tbody>
      </Table>
      {(list.page > 1 || list.hasNext) && (
        <div className="list-foot">
          <span className="quiet">{t('list.page', { page: list.page })}</span>
          <span>
            <Button variant="plain" icon={<AngleLeftIcon />} aria-label={t('list.previous')} isDisabled={list.page === 1} onClick={list.previous} />
            <Button variant="plain" icon={<AngleRightIcon />} aria-label={t('list.next')} isDisabled={!list.hasNext || list.isFetching} onClick={list.next} />
          </span>
        </div>
      )}
    </div>
  );
  return (
    <>
      {/* What is shown may be old: never without a word. */}
      {list.error !== null && <ProblemNote error={list.error} onRetry={list.refetch} />}
      {table}
    </>
  );
}
