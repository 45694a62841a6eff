// What the client says instead of, or over, the picture: connecting, reconnecting, end pages.
import { slugOf, traceOf } from '../api/problem';
import type { Problem } from '../api/types';
import { titleOf } from '../words/problemTitle';
import { button, el } from './dom';
import { ATTEMPTS, type EndReason } from './link';
import { t } from './strings';

export interface PageActions {
  start(): void;
  takeBack(): void;
  home(): void;
  retryNow(): void;
}

/** What lies beneath a page: nobody sees it, so nobody shall reach it either. */
const COVERED = '.screen, .edge, .textbox';

interface Waiting {
  card: HTMLElement;
  title: HTMLElement;
  text: HTMLElement;
  progress: HTMLElement;
  when: HTMLElement;
}

export class Pages {
  private readonly layer = el('div', { class: 'layer', hidden: true });
  private countdown = 0;
  private waiting: Waiting | null = null;

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
    // One card for all attempts: the focus stays on its buttons, and only what changes is read out.
    const waiting = this.waiting ?? this.waitingCard();
    if (this.waiting === null) this.show(waiting.card, 'veil');
    this.waiting = waiting;
    const isLong = attempt > ATTEMPTS;
    say(waiting.title, t(isLong ? 'unreachable' : 'lost'));
    say(waiting.text, isLong ? t('unreachableText') : t('reconnecting', { attempt, attempts: ATTEMPTS }));
    waiting.progress.hidden = isLong;
    waiting.progress.setAttribute('value', String(attempt));
    window.clearInterval(this.countdown);
    let left = Math.ceil(delay / 1000);
    const tick = () => {
      waiting.when.textContent = left > 0 ? t('retrying', { seconds: left }) : t('connecting');
      left -= 1;
    };
    tick();
    this.countdown = window.setInterval(tick, 1000);
  }

  private waitingCard(): Waiting {
    const title = el('h1', { id: 'waiting-title' });
    const text = el('p');
    const progress = el('progress', { max: String(ATTEMPTS), 'aria-label': t('lost') });
    const when = el('p', { class: 'quiet' });
    const card = el(
      'section',
      { class: 'card', 'aria-labelledby': 'waiting-title' },
      el('div', { role: 'status' }, title, text),
      progress,
      when,
      el(
        'div',
        { class: 'actions' },
        button(t('retryNow'), () => this.actions.retryNow(), { class: 'primary', id: 'retry-now' }),
        button(t('home'), () => this.actions.home()),
      ),
    );
    return { card, title, text, progress, when };
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
    };
    const [title, text, action] = pages[reason];
    this.final(title, text, action, problem);
  }

  failed(problem: Problem): void {
    const retry = button(t('tryAgain'), () => window.location.reload(), { class: 'primary' });
    this.final(t('failedTitle'), problem.status === 0 ? t('silent') : (titleOf(slugOf(problem)) ?? problem.title), retry, problem);
  }

  ending(): void {
    const card = el('div', { class: 'waiting', role: 'status', tabindex: '-1' }, el('span', { class: 'spinner' }), t('ending'));
    this.show(card, 'page');
    card.focus();
  }

  /** The session lives on: the ending is what is tried again, or she goes on with it. */
  endingFailed(problem: Problem, retry: () => void, stay: () => void): void {
    const again = button(t('endAgain'), retry, { class: 'primary', id: 'end-again' });
    const text = problem.status === 0 ? t('silent') : problem.detail || problem.title || slugOf(problem);
    this.final(t('endFailedTitle'), `${text} ${t('endFailedText')}`, again, problem, button(t('stay'), stay, { id: 'end-stay' }));
  }

  private final(title: string, text: string, action: HTMLButtonElement | null, problem: Problem | null, other?: HTMLButtonElement): void {
    const heading = el('h1', { tabindex: '-1', id: 'end-title' }, title);
    const card = el('section', { class: 'card', 'aria-labelledby': 'end-title' }, heading, el('p', {}, text));
    const trace = problem ? traceOf(problem) : '';
    if (trace) card.append(el('p', { class: 'quiet' }, t('trace', { trace })));
    const home = other ?? button(t('home'), () => this.actions.home(), action ? {} : { class: 'primary' });
    card.append(el('div', { class: 'actions' }, ...(action ? [action, home] : [home])));
    this.show(card, 'page');
    document.title = `${title} – BIC`;
    heading.focus();
  }

  private show(content: HTMLElement | null, look = ''): void {
    window.clearInterval(this.countdown);
    this.waiting = null;
    const isPage = look === 'page';
    for (const covered of document.querySelectorAll(COVERED)) covered.toggleAttribute('inert', isPage);
    if (isPage) for (const dialog of document.querySelectorAll('dialog')) dialog.close();
    this.layer.className = `layer ${look}`;
    this.layer.hidden = content === null;
    this.layer.replaceChildren(...(content ? [content] : []));
  }
}

/** A status is read out when its text is set, even to the same. */
function say(where: HTMLElement, what: string): void {
  if (where.textContent !== what) where.textContent = what;
}
