// A state is a word and an icon, never a colour alone.
import { Label } from '@patternfly/react-core';
import {
  BanIcon,
  CheckCircleIcon,
  ExclamationCircleIcon,
  ExclamationTriangleIcon,
  InProgressIcon,
  PowerOffIcon,
  UserIcon,
} from '@patternfly/react-icons';
import { useTranslation } from 'react-i18next';
import { type Tone, toneOf } from './desktop';

const COLORS = { success: 'green', info: 'blue', warning: 'orange', danger: 'red', quiet: 'grey' } as const;
const ICONS: Record<Tone, typeof CheckCircleIcon> = {
  success: CheckCircleIcon,
  info: InProgressIcon,
  warning: ExclamationTriangleIcon,
  danger: ExclamationCircleIcon,
  quiet: BanIcon,
};

export function ToneLabel({ tone, text, icon: Icon = ICONS[tone] }: { tone: Tone; text: string; icon?: typeof CheckCircleIcon }) {
  return (
    <Label variant="outline" color={COLORS[tone]} icon={<Icon />}>
      {text}
    </Label>
  );
}

export function DesktopStateLabel({ state, percent }: { state: string; percent?: number | undefined }) {
  const { t } = useTranslation();
  const word = t(`state.${state}`, { defaultValue: state });
  const text = percent === undefined ? word : `${word} ${percent} %`;
  const icon = state === 'off' ? PowerOffIcon : state === 'in_use' ? UserIcon : undefined;
  return <ToneLabel tone={toneOf(state)} text={text} {...(icon ? { icon } : {})} />;
}

const OPERATION_TONES: Record<string, Tone> = {
  queued: 'quiet',
  running: 'info',
  succeeded: 'success',
  failed: 'danger',
  cancelled: 'quiet',
};

export function OperationStateLabel({ state }: { state: string }) {
  const { t } = useTranslation();
  return <ToneLabel tone={OPERATION_TONES[state] ?? 'quiet'} text={t(`operationState.${state}`, { defaultValue: state })} />;
}

const NODE_TONES: Record<string, Tone> = { up: 'success', silent: 'danger', maintenance: 'warning' };

export function NodeStateLabel({ state }: { state: string }) {
  const { t } = useTranslation();
  return <ToneLabel tone={NODE_TONES[state] ?? 'quiet'} text={t(`nodeState.${state}`, { defaultValue: state })} />;
}
