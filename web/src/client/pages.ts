// What the client says instead of, or over, the picture: connecting, reconnecting, end pages.
import { slugOf, traceOf } from '../api/problem';
import type { Problem } from '../api/types';
import { button, el } from './dom';
import { ATTEMPTS, type EndReason } from './link';
import { t } from './strings';

export interface PageActions {
  start(): void;
  takeBack(): void;
  home(): void;
}

export class Pages {
  private readonly layer = el('div', { class: 'layer', hidden: true });
  private countdown = 0;

  constructor(private readonly actions: PageActions) {
    document.body.append(this.layer);
  }

  clear(): void {
    this.show(null);
  }

  connecting(text: string): void {
    this.show(el('div', { class: 'waiting', role: 'status' }, el('span', { class: 'spinner' }), text));
  }

  reconnecting(attempt: number, delay: number): void {
    const when = el('p', { class: 'quiet' });
    const card = el(
      'div',
      { class: 'card', role: 'status' },
      el('h1', {}, t('lost')),
      el('p', {}, t('reconnecting', { attempt, attempts: ATTEMPTS })),
      el('progress', { max: String(ATTEMPTS), value: String(attempt), 'aria-label': t('lost') }),
      when,
      el('div', { class: 'actions' }, button(t('home'), () => this.actions.home())),
    );
    this.show(card, 'veil');
    let left = Math.ceil(delay / 1000);
    const tick = () => {
      when.textContent = left > 0 ? t('retrying', { seconds: left }) : t('connecting');
      left -= 1;
    };
    tick();
    this.countdown = window.setInterval(tick, 1000);
  }

  ended(reason: EndReason, problem: Problem | null): void {
    const time = new Date().toLocaleTimeString(document.documentElement.lang, {
      hour: '2-digit',
      minute: '2-digit',
    });
    const start = button(t('start'), () => this.actions.start(), { class: 'primary' });
    const retry = button(t('tryAgain'), () => this.actions.start(), { class: 'primary' });
    const back = button(t('takeBack'), () => this.actions.takeBack(), { class: 'primary' });
    const pages: Record<EndReason, [string, string, HTMLButtonElement | null]> = {
      // Also what is known of a desktop that was shut down while the link was lost.
      'session-ended': [t('endedTitle'), t('endedText'), start],
      'taken-over': [t('takenTitle'), t('takenText', { time }), back],
      stopped: [t('stoppedTitle'), t('stoppedText', { time }), start],
      refused: [t('refusedTitle'), t('refusedText'), retry],
      'gave-up': [t('gaveUpTitle'), t('gaveUpText'), retry],
    };
    const [title, text, action] = pages[reason];
    this.final(title, text, action, problem);
  }

  failed(problem: Problem): void {
    const retry = button(t('tryAgain'), () => window.location.reload(), { class: 'primary' });
    this.final(t('failedTitle'), problem.status === 0 ? t('silent') : problem.detail || problem.title || slugOf(problem), retry, problem);
  }

  private final(title: string, text: string, action: HTMLButtonElement | null, problem: Problem | null): void {
    const heading = el('h1', { tabindex: '-1', id: 'end-title' }, title);
    const card = el('section', { class: 'card', 'aria-labelledby': 'end-title' }, heading, el('p', {}, text));
    const trace = problem ? traceOf(problem) : '';
    if (trace) card.append(el('p', { class: 'quiet' }, t('trace', { trace })));
    const home = button(t('home'), () => this.actions.home(), action ? {} : { class: 'primary' });
    card.append(el('div', { class: 'actions' }, ...(action ? [action, home] : [home])));
    this.show(card, 'page');
    document.title = `${title} – BIC`;
    heading.focus();
  }

  private show(content: HTMLElement | null, look = ''): void {
    window.clearInterval(this.countdown);
    this.layer.className = `layer ${look}`;
    this.layer.hidden = content === null;
    this.layer.replaceChildren(...(content ? [content] : []));
  }
}
