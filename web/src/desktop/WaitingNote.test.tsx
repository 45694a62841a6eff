// @vitest-environment jsdom
import { screen } from '@testing-library/react';
import { expect, it } from 'vitest';
import type { Operation } from '../api/types';
import { problem, show } from '../testing/page';
import { StageList } from './StageList';

const law = problem(409, 'law-io')[1] as NonNullable<Operation['waiting']>;
const operation = (part: Partial<Operation>) => ({ id: 'o1', state: 'queued', percent: 0, stages: [], ...part }) as unknown as Operation;
const WORDS = 'Waiting for room on the host';

it('who waits for the I/O law is told so', () => {
  show(<StageList operation={operation({ waiting: law })} />);
  expect(screen.getByText(WORDS)).toBeTruthy();
});

it('and nobody else: it does not wait, or has ended', () => {
  show(<StageList operation={operation({})} />);
  show(<StageList operation={operation({ state: 'failed', waiting: law })} />);
  expect(screen.queryByText(WORDS)).toBeNull();
});
