// Filters live in the address: a filtered list can be linked to, and "back" works.
import { useSearchParams } from 'react-router';

export interface Filters<K extends string> {
  values: Partial<Record<K, string>>;
  set(name: K, value: string): void;
  isEmpty: boolean;
}

export function useFilters<K extends string>(names: readonly K[]): Filters<K> {
  const [params, setParams] = useSearchParams();
  const values: Partial<Record<K, string>> = {};
  for (const name of names) {
    const value = params.get(name);
    if (value) values[name] = value;
  }
  return {
    values,
    isEmpty: Object.keys(values).length === 0,
    set(name, value) {
      setParams(
        (before) => {
          const after = new URLSearchParams(before);
          if (value) after.set(name, value);
          else after.delete(name);
          return after;
        },
        { replace: true },
      );
    },
  };
}
