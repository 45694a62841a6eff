// Making or changing a pool: what wizard and form share.
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { call } from '../api/call';
import type { Pool } from '../api/types';
import { useEdit } from '../form/useEdit';
import { draftOf, EMPTY_DRAFT, newPoolOf, type PoolDraft, sharesOf } from './poolDraft';

/** The server names a share by its place in what was sent; the form has a field for each module. */
function shareNames(sent: PoolDraft | undefined, base: Pool | null): (pointer: string) => string {
  const modules = sent ? sharesOf(sent, base).map(({ module_id }) => module_id) : [];
  return (pointer) => pointer.replace(/^\/shares\/(\d+)/, (same, place: string) => (modules[Number(place)] ? `/shares/${modules[Number(place)]}` : same));
}

export function usePoolEdit(before: Pool | null) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const edit = useEdit<Pool, PoolDraft>({
    before,
    empty: EMPTY_DRAFT,
    draftOf,
    read: ({ id }) => call('get', '/pools/{id}', { path: { id } }),
    save: (value, base) => {
      if (!base) return call('post', '/pools', { body: newPoolOf(value) });
      const { name, description, image_version_id, spec_id, spares_running, io, shares } = { ...newPoolOf(value), shares: sharesOf(value, base) };
      return call('patch', '/pools/{id}', { path: { id: base.id }, generation: base.generation, body: { name, description, image_version_id, spec_id, spares_running, io, shares } });
    },
    kinds: ['pool', 'module'],
    done: ({ name }) => t('form.saved', { name }),
    onDone: () => void navigate('/admin/pools'),
  });
  const { sent, base } = edit;
  const rename = useMemo(() => shareNames(sent, base), [sent, base]);
  return { ...edit, rename };
}
