// What an operation is about, in words and as a link; whether it still goes on.
import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { Operation } from '../api/types';

const PAGES: Record<string, string> = { desktop: 'desktops', bserver: 'bservers', pool: 'pools' };

export function targetName({ target, children }: Pick<Operation, 'target' | 'children'>, t: TFunction): string {
  return children ? t('bulk.desktops', { count: children.total }) : target.name;
}

export function TargetLink({ operation }: { operation: Pick<Operation, 'target' | 'children'> }) {
  const { t } = useTranslation();
  const { target } = operation;
  const page = PAGES[target.kind];
  // What is not known any more, or never was, has no page.
  return page && target.name !== '-' ? <Link to={`/admin/${page}/${target.id}`}>{target.name}</Link> : <>{targetName(operation, t)}</>;
}

export function isOpen(operation: Pick<Operation, 'state'>): boolean {
  return operation.state === 'queued' || operation.state === 'running';
}
