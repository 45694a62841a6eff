// Short messages about what was just done; read aloud, and gone by themselves unless they failed.
import { Alert, AlertActionCloseButton, AlertGroup } from '@patternfly/react-core';
import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { asProblem } from '../api/problem';
import { problemWords } from '../words/problem';

interface Notice {
  key: number;
  variant: 'success' | 'info' | 'danger';
  title: string;
  body: string[];
}

interface Notices {
  done(title: string): void;
  failed(error: unknown): void;
}

const NoticeContext = createContext<Notices>({ done: () => undefined, failed: () => undefined });
let nextKey = 1;

export function useNotices(): Notices {
  return useContext(NoticeContext);
}

export function NoticeProvider({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const [notices, setNotices] = useState<Notice[]>([]);
  const add = useCallback((notice: Omit<Notice, 'key'>) => {
    setNotices((before) => [...before.slice(-4), { ...notice, key: nextKey++ }]);
  }, []);
  const remove = (key: number) => setNotices((before) => before.filter((notice) => notice.key !== key));

  const value = useMemo<Notices>(
    () => ({
      done: (title) => add({ variant: 'success', title, body: [] }),
      failed: (error) => {
        const problem = asProblem(error);
        const words = problemWords(problem, t);
        // A stale form needs no long story: reading it again is the cure.
        const body = [words.detail, ...words.fields];
        if (words.trace) body.push(t('common.trace', { trace: words.trace }));
        add({ variant: 'danger', title: words.title, body: body.filter(Boolean) });
      },
    }),
    [add, t],
  );
  return (
    <NoticeContext.Provider value={value}>
      {children}
      <AlertGroup isToast isLiveRegion aria-label={t('common.notices')}>
        {notices.map((notice) => (
          <Alert component="p"
            key={notice.key}
            variant={notice.variant}
            title={notice.title}
            timeout={notice.variant === 'danger' ? false : 6000}
            onTimeout={() => remove(notice.key)}
            actionClose={<AlertActionCloseButton title={t('common.close')} onClose={() => remove(notice.key)} />}
          >
            {notice.body.map((line) => (
              <p key={line}>{line}</p>
            ))}
          </Alert>
        ))}
      </AlertGroup>
    </NoticeContext.Provider>
  );
}
