import { Bullseye } from '@patternfly/react-core';
import { Spinner } from '../pf/Spinner';

export function Loading() {
  return (
    <Bullseye>
      <Spinner />
    </Bullseye>
  );
}
