// The log-in over everything that a person was at when her session ended. A modal dialog of the browser's own: what is
// under it, other dialogs too, cannot be reached, and keeps what was typed.
import { type SyntheticEvent, useEffect, useRef } from 'react';
import { createPortal } from 'react-dom';
import { useTranslation } from 'react-i18next';
import { LoginPage } from '../portal/LoginPage';

const HELD = ['focusin', 'keydown', 'mousedown', 'touchstart'] as const;

/** A dialog under this one watches the document, to keep the focus and to close by Escape: it is not told of this one's. */
function hold(event: Event, dialog: HTMLElement): void {
  if (!dialog.contains(event.target as Node)) return;
  if (event instanceof KeyboardEvent) {
    if (event.key === 'Escape') event.preventDefault();
    else if (event.key !== 'Tab') return;
  }
  event.stopPropagation();
}

export function LoginAgain() {
  const { t } = useTranslation();
  const place = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = place.current;
    if (!dialog) return undefined;
    const listen = (event: Event) => hold(event, dialog);
    for (const type of HELD) window.addEventListener(type, listen, true);
    // A dialog under this one hides its neighbours from screen readers.
    const seen = new MutationObserver(() => dialog.removeAttribute('aria-hidden'));
    seen.observe(dialog, { attributeFilter: ['aria-hidden'] });
    dialog.removeAttribute('aria-hidden');
    dialog.showModal();
    dialog.querySelector<HTMLElement>('#password')?.focus();
    return () => {
      for (const type of HELD) window.removeEventListener(type, listen, true);
      seen.disconnect();
      dialog.close();
    };
  }, []);
  const stay = (event: SyntheticEvent) => event.preventDefault();
  // The back gesture of a phone closes it all the same.
  const reopen = () => {
    if (place.current?.isConnected && !place.current.open) place.current.showModal();
  };
  return createPortal(
    <dialog ref={place} className="login-again" aria-label={t('login.title')} onCancel={stay} onClose={reopen}>
      <LoginPage />
    </dialog>,
    document.body,
  );
}
