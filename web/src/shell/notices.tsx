// Short messages about what was just done; read aloud, and gone by themselves unless they failed.
import { AlertGroup } from '@patternfly/react-core';
import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { asProblem } from '../api/problem';
import { Alert } from '../pf/Alert';
import { type ProblemWords, problemWords } from '../words/problem';
import { ServerSaid } from './ProblemNote';

interface Notice {
  key: number;
  variant: 'success' | 'info' | 'danger';
  title: string;
  problem?: ProblemWords;
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

function ProblemLines({ words }: { words: ProblemWords }) {
  const { t } = useTranslation();
  const lines = [words.sentence, ...words.fields];
  if (words.trace) lines.push(t('common.trace', { trace: words.trace }));
  return (
    <>
      {lines.filter(Boolean).map((line) => (
        <p key={line}>{line}</p>
      ))}
      <ServerSaid words={words} />
    </>
  );
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
      done: (title) => add({ variant: 'success', title }),
      failed: (error) => {
        const problem = problemWords(asProblem(error), t);
        add({ variant: 'danger', title: problem.title, problem });
      },
    }),
    [add, t],
  );
  return (
    <NoticeContext.Provider value={value}>
      {children}
      <AlertGroup isToast isLiveRegion aria-label={t('common.notices')}>
        {notices.map((notice) => (
          <Alert
            key={notice.key}
            variant={notice.variant}
            title={notice.title}
            timeout={notice.variant === 'danger' ? false : 6000}
            onTimeout={() => remove(notice.key)}
            onClose={() => remove(notice.key)}
          >
            {notice.problem && <ProblemLines words={notice.problem} />}
          </Alert>
        ))}
      </AlertGroup>
    </NoticeContext.Provider>
  );
}
