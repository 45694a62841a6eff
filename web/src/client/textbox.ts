// The text box for phones and tablets, whose keyboards send no key codes: text is composed here
// by the local input method and typed into the desktop when it is sent.
import { button, el } from './dom';
import type { Screen } from './screen';
import { t } from './strings';
import { Typist } from './typist';
import { type Chord, planOf, sendChord } from './typing';

/** So many of what cannot be typed are shown; the count has them all. */
const SHOWN = 10;

export class TextBox {
  private readonly area = el('textarea', {
    id: 'text-area',
    rows: '2',
    'aria-label': t('textBoxLabel'),
    'aria-describedby': 'text-hint',
    autocapitalize: 'off',
    spellcheck: 'false',
  });
  private readonly status = el('p', { class: 'quiet', role: 'status', id: 'text-status' });
  private readonly sendButton = button(t('send'), () => this.sendOrStop(), { class: 'primary', id: 'text-send' });
  private readonly panel: HTMLElement;
  private readonly typist: Typist;
  private isTyping = false;
  private isConnected = false;

  constructor(private readonly screen: Screen) {
    this.typist = new Typist(screen);
    this.panel = el(
      'section',
      { class: 'textbox', 'aria-label': t('textBoxTitle'), hidden: true },
      el('p', { id: 'text-hint', class: 'quiet' }, t('textBoxHint')),
      this.area,
      this.status,
      el(
        'div',
        { class: 'actions' },
        this.sendButton,
        this.key('enter', t('enter')),
        this.key('backspace', t('backspace')),
        this.key('hangul', t('hangul')),
        this.mode(),
        button(t('close'), () => this.toggle()),
      ),
    );
    this.area.addEventListener('input', () => this.tell(leftOut(planOf(this.area.value).leftOut)));
    this.area.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !this.sendButton.disabled && !this.isTyping) void this.send();
    });
    document.body.append(this.panel);
    this.linked(false);
  }

  /** What is written stays while there is no link; it can be sent when there is one again. */
  linked(isConnected: boolean): void {
    this.isConnected = isConnected;
    this.sendable();
  }

  private sendable(): void {
    const canPress = this.isConnected || this.isTyping;
    this.sendButton.disabled = !canPress;
    this.sendButton.title = canPress ? '' : t('textBoxWaits');
  }

  toggle(): void {
    this.panel.hidden = !this.panel.hidden;
    if (this.panel.hidden) this.screen.focus();
    else this.area.focus();
  }

  private key(chord: Chord, label: string): HTMLButtonElement {
    return button(label, () => sendChord(chord, this.screen.sendKey));
  }

  /** Corrects the belief, where 한/영 changes both the desktop and the belief. */
  private mode(): HTMLButtonElement {
    const mode = button('', () => this.screen.ime.correct(), { id: 'text-mode', title: t('imeCorrect') });
    this.screen.ime.follow((hangul) => {
      mode.textContent = t(hangul ? 'imeHangul' : 'imeLatin');
    });
    return mode;
  }

  private sendOrStop(): void {
    if (this.isTyping) this.typist.stop();
    else void this.send();
  }

  private async send(): Promise<void> {
    const plan = planOf(this.area.value);
    this.typing(true);
    const typed = await this.typist.type(plan);
    this.typing(false);
    const rest = plan.text.slice(typed);
    this.area.value = rest;
    this.tell(rest ? t('textBoxRest') : leftOut(plan.leftOut));
    if (!this.panel.hidden) this.area.focus();
  }

  private typing(isTyping: boolean): void {
    this.isTyping = isTyping;
    this.area.readOnly = isTyping;
    this.sendButton.textContent = t(isTyping ? 'textBoxStop' : 'send');
    this.sendable();
  }

  private tell(what: string): void {
    if (this.status.textContent !== what) this.status.textContent = what;
  }
}

/** Which characters have no key, and how many they are; nothing when there are none. */
function leftOut(characters: Map<string, number>): string {
  if (characters.size === 0) return '';
  const shown = [...characters].slice(0, SHOWN).map(([char, times]) => (times > 1 ? `${visible(char)} ×${times}` : visible(char)));
  if (characters.size > SHOWN) shown.push('…');
  const count = [...characters.values()].reduce((sum, times) => sum + times);
  return t('textBoxLeftOut', { count, list: shown.join(', ') });
}

/** A character without a shape of its own is named by its number. */
function visible(char: string): string {
  if (!/^[\p{C}\p{Z}\p{M}]+$/u.test(char)) return char;
  return `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}
