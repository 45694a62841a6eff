import { Button, FileUpload, Progress } from '@patternfly/react-core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useBlocker } from 'react-router';
import { isQcow2, type Upload, uploadVersion } from '../api/upload';
import { Alert } from '../pf/Alert';
import { BusyButton } from '../pf/BusyButton';
import { Confirm } from '../shell/Confirm';
import { useNotices } from '../shell/notices';
import { ProblemNote } from '../shell/ProblemNote';
import { formatBytes } from '../words/time';

/** Nobody leaves by accident while the upload runs: neither by a link, nor by closing the window. */
function useLeaving(busy: boolean) {
  const blocker = useBlocker(({ currentLocation, nextLocation }) => busy && currentLocation.pathname !== nextLocation.pathname);
  useEffect(() => {
    if (!busy) return undefined;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [busy]);
  // It was through before she answered.
  useEffect(() => {
    if (!busy && blocker.state === 'blocked') blocker.proceed();
  }, [busy, blocker]);
  return blocker;
}

export function ImageUpload({ imageId }: { imageId: string }) {
  const { t, i18n } = useTranslation();
  const client = useQueryClient();
  const notices = useNotices();
  const [file, setFile] = useState<File | null>(null);
  const [wrong, setWrong] = useState(false);
  const [share, setShare] = useState<number | null>(null);
  const [error, setError] = useState<unknown>(null);
  const upload = useRef<Upload | null>(null);
  useEffect(() => () => upload.current?.abort(), []);

  const choose = (chosen: File) => {
    setFile(chosen);
    setError(null);
    void isQcow2(chosen).then((good) => setWrong(!good));
  };
  const clear = () => {
    setFile(null);
    setWrong(false);
    setError(null);
  };
  const send = () => {
    if (!file) return;
    setShare(0);
    setError(null);
    upload.current = uploadVersion(imageId, file, setShare);
    upload.current.done.then(
      (version) => {
        notices.done(t('images.uploaded', { number: version.number }));
        void client.invalidateQueries({ queryKey: ['image'] });
        clear();
        setShare(null);
      },
      (failure: unknown) => {
        setShare(null);
        if (!(failure instanceof DOMException)) setError(failure);
      },
    );
  };
  const busy = share !== null;
  const blocker = useLeaving(busy);
  return (
    <section className="panel">
      <h2>{t('images.upload')}</h2>
      <p className="quiet">{t('images.uploadLead')}</p>
      <FileUpload
        id="image-file"
        filename={file ? `${file.name} (${formatBytes(file.size, i18n.language)})` : ''}
        filenamePlaceholder={t('images.dropHere')}
        browseButtonText={t('images.browse')}
        clearButtonText={t('images.clear')}
        hideDefaultPreview
        isDisabled={busy}
        onFileInputChange={(_, chosen) => choose(chosen)}
        onClearClick={clear}
        aria-label={t('images.upload')}
        browseButtonAriaDescribedby=""
        filenameAriaLabel={t('images.file')}
      />
      {wrong && <Alert variant="warning" isInline isPlain title={t('images.notQcow2')} />}
      {error !== null && <ProblemNote error={error} />}
      {blocker.state === 'blocked' && (
        <Confirm title={t('images.leaveTitle')} body={t('images.leaveBody')} action={t('images.leaveNow')} stay={t('images.leaveStay')} onCancel={blocker.reset} onConfirm={blocker.proceed} />
      )}
      {busy && <Progress value={Math.round(share * 100)} title={share < 1 ? t('images.uploading') : t('images.checking')} className="upload-progress" />}
      <div className="start-actions">
        <BusyButton onClick={send} isDisabled={!file || wrong || busy} isBusy={busy}>
          {t('images.uploadNow')}
        </BusyButton>
        {busy && (
          <Button variant="link" onClick={() => upload.current?.abort()}>
            {t('common.cancel')}
          </Button>
        )}
      </div>
    </section>
  );
}
