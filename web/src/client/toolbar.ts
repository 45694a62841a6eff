// The tools at the top edge: folded to a tab, opened by it or by Ctrl+Alt+Shift.
import { Chord as ModifierChord } from './chord';
import { button, el } from './dom';
import { askToLeave } from './leaving';
import { type Scale, type Screen } from './screen';
import { t } from './strings';
import { TextBox } from './textbox';
import { sendChord, type Chord } from './typing';

const SCALE_KEY = 'bic.client.scale';
const SLOW_KEY = 'bic.client.slow-network';
/** The way out of the screen by keyboard is shown for so long, once. */
const HINT_MS = 3_000;

export interface ToolbarActions {
  leave(): void;
  end(): void;
}

interface KeyboardLock {
  lock(): Promise<void>;
  unlock(): void;
}

export class Toolbar {
  private readonly panel: HTMLElement;
  private readonly tab: HTMLButtonElement;
  private readonly full: HTMLButtonElement;
  private readonly edge: HTMLElement;
  private readonly hint = el('p', { class: 'hint', role: 'status', id: 'tools-hint' });
  private readonly textBox: TextBox;
  private open = false;
  private isHinted = false;

  constructor(
    private readonly screen: Screen,
    private readonly actions: ToolbarActions,
  ) {
    this.textBox = new TextBox(screen);
    this.full = button(t('fullscreen'), () => void this.toggleFullscreen(), { id: 'fullscreen' });
    this.panel = this.build();
    this.tab = button('', () => this.toggle(), { class: 'tab', id: 'tools-tab', 'aria-controls': 'tools' });
    this.edge = el('header', { class: 'edge' }, this.panel, this.tab, this.hint);
    document.body.append(this.edge);
    this.show(false);
    watchChord(() => this.toggle());
    document.addEventListener('fullscreenchange', () => this.fullscreenChanged());
    this.panel.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.show(false);
    });
  }

  linked(isConnected: boolean): void {
    this.textBox.linked(isConnected);
    if (!isConnected || this.isHinted) return;
    this.isHinted = true;
    this.hint.textContent = t('toolsHint');
    window.setTimeout(() => {
      this.hint.textContent = '';
    }, HINT_MS);
  }

  private build(): HTMLElement {
    return el(
      'div',
      { id: 'tools', class: 'tools', role: 'toolbar', 'aria-label': t('toolbar') },
      el(
        'div',
        { class: 'group', role: 'group', 'aria-label': t('keys') },
        button(t('ctrlAltDel'), () => this.send(() => this.screen.sendCtrlAltDel()), { id: 'key-cad' }),
        this.key('altTab', t('altTab')),
        this.key('windows', t('windows')),
        this.key('escape', t('escape')),
        this.hangulKey(),
        this.key('hanja', t('hanja'), t('hanjaHint')),
      ),
      el('div', { class: 'group' }, this.scales(), this.slowNetwork()),
      el(
        'div',
        { class: 'group' },
        ...(document.fullscreenEnabled ? [this.full] : []),
        button(t('textBox'), () => this.textBox.toggle(), { id: 'text-box' }),
        button(t('leave'), () => askToLeave(this.actions), { class: 'leave', id: 'leave' }),
      ),
    );
  }

  private key(chord: Chord, label: string, hint = label): HTMLButtonElement {
    const press = () => this.send(() => sendChord(chord, this.screen.sendKey));
    return button(label, press, { id: `key-${chord}`, title: hint, 'aria-label': hint === label ? label : `${label}, ${hint}` });
  }

  /** Says beside its label what the desktop is taken to be in. */
  private hangulKey(): HTMLButtonElement {
    const key = this.key('hangul', t('hangul'), t('hangulHint'));
    const mode = el('span', { class: 'mode' });
    key.append(' ', mode);
    this.screen.ime.follow((hangul) => {
      mode.textContent = t(hangul ? 'imeHangulShort' : 'imeLatinShort');
      const words = [t('hangulHint'), t(hangul ? 'imeHangul' : 'imeLatin')];
      key.title = words.join('\n');
      key.setAttribute('aria-label', [key.textContent, ...words].join(', '));
    });
    return key;
  }

  private send(press: () => void): void {
    press();
    this.screen.focus();
  }

  private scales(): HTMLElement {
    const options: [Scale, string][] = [
      ['fit', t('scaleFit')],
      ['actual', t('scaleActual')],
      ['guest', t('scaleGuest')],
    ];
    return choice(t('scale'), SCALE_KEY, options, (value) => this.screen.setScale(value));
  }

  private slowNetwork(): HTMLElement {
    const use = (isSlow: boolean) => {
      this.screen.setSlowNetwork(isSlow);
      key.setAttribute('aria-pressed', String(isSlow));
    };
    const key = button(
      t('slowNetwork'),
      () => {
        const isSlow = key.getAttribute('aria-pressed') !== 'true';
        localStorage.setItem(SLOW_KEY, String(isSlow));
        use(isSlow);
      },
      { id: 'slow-network', title: t('slowNetworkHint') },
    );
    use(localStorage.getItem(SLOW_KEY) === 'true');
    return key;
  }

  private toggle(): void {
    if (this.edge.hasAttribute('inert')) return;
    this.show(!this.open);
  }

  private show(open: boolean): void {
    const changed = this.open !== open;
    this.open = open;
    this.panel.hidden = !open;
    this.tab.setAttribute('aria-expanded', String(open));
    this.tab.setAttribute('aria-label', t(open ? 'closeToolbar' : 'openToolbar'));
    this.tab.title = t(open ? 'closeToolbar' : 'openToolbar');
    if (open) this.panel.querySelector('button')?.focus();
    else if (changed) this.screen.focus();
  }

  private async toggleFullscreen(): Promise<void> {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await document.documentElement.requestFullscreen({ navigationUI: 'hide' });
    this.show(false);
  }

  /** With Keyboard Lock, Esc, Alt+Tab and the Windows key reach the desktop too. */
  private fullscreenChanged(): void {
    const on = document.fullscreenElement !== null;
    this.full.textContent = t(on ? 'leaveFullscreen' : 'fullscreen');
    const keyboard = (navigator as Navigator & { keyboard?: KeyboardLock }).keyboard;
    if (on) keyboard?.lock().catch(() => undefined);
    else keyboard?.unlock();
    this.screen.focus();
  }
}

function choice<T extends string>(
  label: string,
  key: string,
  options: [T, string][],
  use: (value: T) => void,
): HTMLElement {
  const stored = localStorage.getItem(key);
  const select = el(
    'select',
    { 'aria-label': label, id: key.replace(/\./g, '-') },
    ...options.map(([value, text]) => el('option', { value, selected: value === stored }, text)),
  );
  select.addEventListener('change', () => {
    localStorage.setItem(key, select.value);
    use(select.value as T);
  });
  use(select.value as T);
  return el('label', { class: 'choice' }, el('span', {}, label), select);
}

function watchChord(then: () => void): void {
  const chord = new ModifierChord();
  window.addEventListener('keydown', (event) => chord.press(event), true);
  window.addEventListener(
    'keyup',
    (event) => {
      if (chord.release(event)) window.setTimeout(then);
    },
    true,
  );
  window.addEventListener('blur', () => chord.forget());
}
