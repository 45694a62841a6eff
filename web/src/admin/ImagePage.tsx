import { Bullseye, Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { call } from '../api/call';
import type { ImageVersion } from '../api/types';
import { ListTable } from '../list/ListTable';
import { useList } from '../list/useList';
import { Spinner } from '../pf/Spinner';
import { Confirm } from '../shell/Confirm';
import { PageHead } from '../shell/PageHead';
import { ProblemNote } from '../shell/ProblemNote';
import { useWrite } from '../shell/useWrite';
import { formatBytes, formatTime } from '../words/time';
import { ImageUpload } from './ImageUpload';

export function ImagePage() {
  const { t, i18n } = useTranslation();
  const { id = '' } = useParams();
  const [deleting, setDeleting] = useState<ImageVersion | null>(null);
  const image = useQuery({ queryKey: ['image', 'one', id], queryFn: () => call('get', '/images/{id}', { path: { id } }) });
  const versions = useList<ImageVersion>({ kind: 'image', filters: { versions_of: id }, read: (query) => call('get', '/images/{id}/versions', { path: { id }, query }) });
  const remove = useWrite({
    kinds: ['image'],
    write: (version: ImageVersion) => call('delete', '/images/{id}/versions/{version_id}', { path: { id, version_id: version.id }, generation: version.generation }),
    done: (_, version) => t('images.versionDeleted', { number: version.number }),
  });
  if (!image.data) {
    return image.error ? (
      <ProblemNote error={image.error} onRetry={() => void image.refetch()} />
    ) : (
      <Bullseye>
        <Spinner />
      </Bullseye>
    );
  }
  return (
    <>
      <PageHead title={image.data.name} lead={image.data.description} asOf={versions.asOf} />
      <ImageUpload imageId={id} />
      <section className="panel">
        <h2>{t('images.versions')}</h2>
        <ListTable
          label={t('images.versions')}
          list={versions}
          keyOf={(row) => row.id}
          empty={t('images.noVersions')}
          columns={[
            { title: t('field.version'), cell: (row) => row.number },
            { title: t('images.fileSize'), cell: (row) => formatBytes(row.size, i18n.language) },
            { title: t('images.diskSize'), cell: (row) => formatBytes(row.virtual_size, i18n.language) },
            { title: t('images.sha256'), cell: (row) => <span className="mono">{row.sha256}</span> },
            { title: t('field.createdAt'), cell: (row) => formatTime(row.created_at, i18n.language) },
          ]}
          actions={(row) => (
            <Button variant="link" isInline isDanger onClick={() => setDeleting(row)} aria-label={`${t('common.delete')}: ${t('images.versionNumber', { number: row.number })}`}>
              {t('common.delete')}
            </Button>
          )}
        />
      </section>
      {deleting && (
        <Confirm
          title={`${t('common.delete')}: ${t('images.versionNumber', { number: deleting.number })}`}
          body={t('images.versionDeleteBody')}
          action={t('common.delete')}
          isBusy={remove.isPending}
          onCancel={() => setDeleting(null)}
          onConfirm={() => remove.mutate(deleting, { onSettled: () => setDeleting(null) })}
        />
      )}
    </>
  );
}
