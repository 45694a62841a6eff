// A thing in a form: the draft, saving it, and what to do when somebody else was faster. Then it is read
// again, the draft stays, and the next save is about the newest generation.
import { useRef, useState } from 'react';
import { ApiProblem } from '../api/problem';
import { useWrite } from '../shell/useWrite';
import { type Meanwhile, mergeDraft } from './merge';

interface EditOptions<T, D> {
  /** null: a new one. */
  before: T | null;
  empty: D;
  draftOf: (thing: T) => D;
  read: (thing: T) => Promise<T>;
  /** base: as the thing is known to be now, with its generation. */
  save: (draft: D, base: T | null) => Promise<unknown>;
  kinds: readonly string[];
  done: (draft: D) => string;
  onDone: () => void;
}

export function useEdit<T, D extends object>({ before, empty, draftOf, read, save, kinds, done, onDone }: EditOptions<T, D>) {
  const [base, setBase] = useState(before);
  const [draft, setDraft] = useState<D>(() => (before ? draftOf(before) : empty));
  const [meanwhile, setMeanwhile] = useState<Meanwhile[] | null>(null);
  const [readError, setReadError] = useState<unknown>(null);
  const latest = useRef(draft);
  latest.current = draft;
  const write = useWrite({
    kinds,
    isQuiet: true,
    write: (value: D) => save(value, base),
    done: (_, value) => done(value),
    onDone,
  });
  const readAgain = (thing: T) =>
    read(thing).then(
      (now) => {
        const merged = mergeDraft(draftOf(thing), draftOf(now), latest.current);
        setBase(now);
        setDraft(merged.draft);
        setMeanwhile(merged.meanwhile);
      },
      (failure: unknown) => setReadError(failure),
    );
  return {
    draft,
    base,
    change: (part: Partial<D>) => setDraft((old) => ({ ...old, ...part })),
    save() {
      setMeanwhile(null);
      setReadError(null);
      write.mutate(draft, {
        onError: (error) => {
          if (base && error instanceof ApiProblem && error.status === 412) void readAgain(base);
        },
      });
    },
    /** What was sent last. */
    sent: write.variables,
    error: readError ?? write.error,
    isBusy: write.isPending,
    meanwhile,
  };
}
