// The stages of an operation with their times; the one that runs says so in words and in motion.
import { Progress, ProgressSize, ProgressStep, ProgressStepper } from '@patternfly/react-core';
import { InProgressIcon } from '@patternfly/react-icons';
import { useTranslation } from 'react-i18next';
import type { Operation, OperationStage } from '../api/types';
import { formatClock } from '../words/time';
import { WaitingNote } from './WaitingNote';

const VARIANTS = { waiting: 'pending', running: 'info', done: 'success', failed: 'danger' } as const;

function StageStep({ stage }: { stage: OperationStage }) {
  const { t, i18n } = useTranslation();
  const word = t(`stage.${stage.name}`, { defaultValue: stage.name });
  const state = t(`stageState.${stage.state}`);
  return (
    <ProgressStep
      id={`stage-${stage.name}`}
      titleId={`stage-${stage.name}-title`}
      variant={VARIANTS[stage.state]}
      isCurrent={stage.state === 'running'}
      icon={stage.state === 'running' ? <InProgressIcon className="turning" /> : undefined}
      aria-label={`${word}: ${state}`}
      description={stage.at ? formatClock(stage.at, i18n.language) : undefined}
    >
      {word}
    </ProgressStep>
  );
}

export function StageList({ operation }: { operation: Operation }) {
  const { t } = useTranslation();
  return (
    <div className="stages">
      <WaitingNote operation={operation} />
      <Progress value={operation.percent} size={ProgressSize.sm} aria-label={t('operation.progress')} />
      {operation.stages.length > 0 && (
        <ProgressStepper isVertical aria-label={t('operation.stages')}>
          {operation.stages.map((stage) => (
            <StageStep key={stage.name} stage={stage} />
          ))}
        </ProgressStepper>
      )}
    </div>
  );
}
