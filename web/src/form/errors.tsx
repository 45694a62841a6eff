// Which field of a form shows which fault. Fields say what they stand for; the server's pointers, and
// what the form itself misses, then find their way to them.
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiProblem } from '../api/problem';
import type { Problem } from '../api/types';
import { messageWords } from '../words/problem';

export interface FieldInfo {
  /** JSON pointer of the member of the body: "/name". */
  path: string;
  label: string;
  /** A value of this member as the field would show it. */
  show: (value: unknown) => string;
}

const isUnder = (pointer: string, path: string) => pointer === path || pointer.startsWith(`${path}/`);

export class FieldRegistry {
  private readonly fields = new Map<string, FieldInfo>();

  add(field: FieldInfo): () => void {
    this.fields.set(field.path, field);
    return () => {
      if (this.fields.get(field.path) === field) this.fields.delete(field.path);
    };
  }

  /** The field that is nearest to this member. */
  ownerOf(pointer: string): FieldInfo | undefined {
    const above = [...this.fields.values()].filter(({ path }) => isUnder(pointer, path));
    return above.sort((a, b) => b.path.length - a.path.length)[0];
  }
}

export interface Faults {
  error: unknown;
  /** Said by the form itself, before anything was sent: pointer to words. */
  own?: Readonly<Record<string, string>>;
}

interface FormContext extends Faults {
  registry: FieldRegistry;
  problem: Problem | null;
}

const Context = createContext<FormContext>({ registry: new FieldRegistry(), problem: null, error: null });

interface FormErrorsProps extends Faults {
  /** A pointer of the body that was sent, as the form's fields name it. */
  rename?: (pointer: string) => string;
  children: ReactNode;
}

export function FormErrors({ error, own, rename, children }: FormErrorsProps) {
  const registry = useRef(new FieldRegistry()).current;
  const value = useMemo<FormContext>(() => {
    const problem = error instanceof ApiProblem ? error.problem : null;
    const errors = problem?.errors?.map((one) => ({ ...one, pointer: rename?.(one.pointer) ?? one.pointer }));
    return { registry, error, own, problem: problem && { ...problem, ...(errors ? { errors } : {}) } };
  }, [registry, error, own, rename]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useFormContext(): FormContext {
  return useContext(Context);
}

/** Says that this field stands for a member; the words of its fault, if it has one. */
export function useField({ path, label, show }: FieldInfo): string | undefined {
  const { t } = useTranslation();
  const { registry, problem, own } = useContext(Context);
  useEffect(() => registry.add({ path, label, show }));
  if (own?.[path]) return own[path];
  const fault = problem?.errors?.find(({ pointer }) => (registry.ownerOf(pointer)?.path ?? pointer) === path || (isUnder(pointer, path) && !registry.ownerOf(pointer)));
  return problem && fault ? messageWords(problem, fault.message, t) : undefined;
}
