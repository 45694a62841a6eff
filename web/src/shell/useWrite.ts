// A write: tells the lists that show the thing, and says what went wrong.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNotices } from './notices';

interface WriteOptions<V, R> {
  /** Kinds whose queries are to be read again. */
  kinds: readonly string[];
  write: (value: V) => Promise<R>;
  onDone?: (result: R, value: V) => void;
  done?: (result: R, value: V) => string;
  /** The form shows its own failures. */
  isQuiet?: boolean;
}

export function useWrite<V, R>({ kinds, write, onDone, done, isQuiet = false }: WriteOptions<V, R>) {
  const client = useQueryClient();
  const notices = useNotices();
  return useMutation<R, unknown, V>({
    mutationFn: write,
    onSuccess: (result, value) => {
      for (const kind of kinds) void client.invalidateQueries({ queryKey: [kind] });
      if (done) notices.done(done(result, value));
      onDone?.(result, value);
    },
    onError: (error) => {
      if (!isQuiet) notices.failed(error);
    },
  });
}
