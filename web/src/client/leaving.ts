// Leaving asks once, and says what each way means for the programs that are open.
import { button, el } from './dom';
import { t } from './strings';
import type { ToolbarActions } from './toolbar';

export function askToLeave(actions: ToolbarActions): void {
  const choose = (then: () => void) => () => {
    dialog.close();
    then();
  };
  const dialog = el(
    'dialog',
    { class: 'card', 'aria-labelledby': 'leave-title' },
    el('h1', { id: 'leave-title' }, t('leaveTitle')),
    el('div', { class: 'way' }, button(t('leaveKeep'), choose(actions.leave), { class: 'primary', id: 'leave-keep' }), el('p', {}, t('leaveKeepHint'))),
    el('div', { class: 'way' }, button(t('leaveEnd'), choose(actions.end), { id: 'leave-end' }), el('p', {}, t('leaveEndHint'))),
    el('div', { class: 'actions' }, button(t('stay'), () => dialog.close())),
  );
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
