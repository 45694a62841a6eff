// The text box for phones and tablets, whose keyboards send no key codes: text is composed here
// by the local input method and typed into the desktop when it is sent.
import { button, el } from './dom';
import type { Screen } from './screen';
import { t } from './strings';
import { type Chord, needsUnicode, sendChord, sendStrokes, strokesOf } from './typing';

export class TextBox {
  private readonly area = el('textarea', {
    id: 'text-area',
    rows: '2',
    'aria-label': t('textBoxLabel'),
    'aria-describedby': 'text-hint',
    autocapitalize: 'off',
    spellcheck: 'false',
  });
  private readonly warning = el('p', { class: 'quiet', role: 'status' });
  private readonly panel: HTMLElement;

  constructor(private readonly screen: Screen) {
    this.panel = el(
      'section',
      { class: 'textbox', 'aria-label': t('textBoxTitle'), hidden: true },
      el('p', { id: 'text-hint', class: 'quiet' }, t('textBoxHint')),
      this.area,
      this.warning,
      el(
        'div',
        { class: 'actions' },
        button(t('send'), () => this.send(), { class: 'primary', id: 'text-send' }),
        this.key('enter', t('enter')),
        this.key('backspace', t('backspace')),
        this.key('hangul', t('hangul')),
        button(t('close'), () => this.toggle()),
      ),
    );
    this.area.addEventListener('input', () => {
      this.warning.textContent = needsUnicode(this.area.value) ? t('textBoxUnicode') : '';
    });
    this.area.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) this.send();
    });
    document.body.append(this.panel);
  }

  toggle(): void {
    this.panel.hidden = !this.panel.hidden;
    if (this.panel.hidden) this.screen.focus();
    else this.area.focus();
  }

  private key(chord: Chord, label: string): HTMLButtonElement {
    return button(label, () => sendChord(chord, this.screen.sendKey));
  }

  private send(): void {
    sendStrokes(strokesOf(this.area.value), this.screen.sendKey);
    this.area.value = '';
    this.warning.textContent = '';
    this.area.focus();
  }
}
