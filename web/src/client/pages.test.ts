// @vitest-environment jsdom
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { unreachable } from '../api/problem';
import { Ime } from './ime';
import { Pages } from './pages';
import type { Screen } from './screen';
import { Toolbar } from './toolbar';

const actions = { start: vi.fn(), takeBack: vi.fn(), home: vi.fn(), retryNow: vi.fn() };
const problem = unreachable('').problem;
const find = (selector: string) => document.querySelector<HTMLElement>(selector);
const press = (selector: string) => find(selector)?.click();
let toolbar: Toolbar;
let pages: Pages;
const screen = { ime: new Ime(), sendKey: vi.fn(), focus: vi.fn(), setScale: vi.fn(), setSlowNetwork: vi.fn(), isConnected: true };

function chord(): void {
  const codes = ['ControlLeft', 'AltLeft', 'ShiftLeft'];
  for (const code of codes) window.dispatchEvent(new KeyboardEvent('keydown', { code }));
  for (const code of codes) window.dispatchEvent(new KeyboardEvent('keyup', { code }));
  vi.runOnlyPendingTimers();
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllMocks();
  document.body.innerHTML = '<main class="screen"></main>';
  localStorage.clear();
  document.documentElement.lang = 'ko';
  pages = new Pages(actions);
  toolbar = new Toolbar(screen as unknown as Screen, { leave: vi.fn(), end: vi.fn() });
});

describe('a page over the screen', () => {
  it('leaves nothing beneath it to be reached', () => {
    pages.ended('stopped', null);
    for (const covered of ['.screen', '.edge', '.textbox']) expect(find(covered)?.hasAttribute('inert'), covered).toBe(true);
    pages.clear();
    for (const covered of ['.screen', '.edge', '.textbox']) expect(find(covered)?.hasAttribute('inert'), covered).toBe(false);
  });

  it('is not for Ctrl+Alt+Shift', () => {
    pages.ended('stopped', null);
    chord();
    expect(find('#tools')?.hidden).toBe(true);
    pages.clear();
    chord();
    expect(find('#tools')?.hidden).toBe(false);
  });

  it('closes the question about leaving', () => {
    const dialog = document.createElement('dialog');
    dialog.close = vi.fn();
    document.body.append(dialog);
    pages.ended('session-ended', null);
    expect(dialog.close).toHaveBeenCalled();
  });
});

describe('an ending that failed', () => {
  it('says so by its own name, and tries the ending again', () => {
    const [retry, stay] = [vi.fn(), vi.fn()];
    pages.failed(problem);
    const connecting = find('h1')?.textContent;
    pages.endingFailed(problem, retry, stay);
    expect(find('h1')?.textContent).not.toBe(connecting);
    press('#end-again');
    expect(retry).toHaveBeenCalledOnce();
    press('#end-stay');
    expect(stay).toHaveBeenCalledOnce();
    expect(actions.start).not.toHaveBeenCalled();
  });
});

describe('reconnecting', () => {
  it('keeps its button, and the focus on it, from attempt to attempt', () => {
    pages.reconnecting(1, 500);
    find('#retry-now')?.focus();
    const [now, title] = [document.activeElement, find('h1')?.textContent];
    pages.reconnecting(11, 10_000);
    expect(document.activeElement).toBe(now);
    expect(find('h1')?.textContent).not.toBe(title);
    expect(find('progress')?.hidden).toBe(true);
    press('#retry-now');
    expect(actions.retryNow).toHaveBeenCalledOnce();
  });

  it('leaves the tools within reach', () => {
    pages.reconnecting(1, 500);
    expect(find('.edge')?.hasAttribute('inert')).toBe(false);
  });
});

describe('the tools', () => {
  it('tell the way to them once, for three seconds', () => {
    const said = () => find('#tools-hint[role=status]')?.textContent;
    expect(said()).toBe('');
    toolbar.linked(true);
    expect(said()).toContain('Ctrl+Alt+Shift');
    vi.advanceTimersByTime(3_000);
    expect(said()).toBe('');
    toolbar.linked(false);
    toolbar.linked(true);
    expect(said()).toBe('');
  });

  it('remember a slow network', () => {
    expect(screen.setSlowNetwork).toHaveBeenLastCalledWith(false);
    press('#slow-network');
    expect(screen.setSlowNetwork).toHaveBeenLastCalledWith(true);
    expect(find('#slow-network')?.getAttribute('aria-pressed')).toBe('true');
    new Toolbar(screen as unknown as Screen, { leave: vi.fn(), end: vi.fn() });
    expect(screen.setSlowNetwork).toHaveBeenLastCalledWith(true);
  });
});

describe('the text box', () => {
  it('sends only while the desktop is connected', () => {
    const send = find('#text-send') as HTMLButtonElement;
    expect(send.disabled).toBe(true);
    expect(send.title).not.toBe('');
    toolbar.linked(true);
    expect(send.disabled).toBe(false);
    const area = find('#text-area') as HTMLTextAreaElement;
    area.value = 'abc';
    toolbar.linked(false);
    area.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', ctrlKey: true }));
    expect(screen.sendKey).not.toHaveBeenCalled();
    expect(area.value).toBe('abc');
  });

  it('can be stopped while it types, also when the link is lost', () => {
    const send = find('#text-send') as HTMLButtonElement;
    toolbar.linked(true);
    (find('#text-area') as HTMLTextAreaElement).value = 'abc';
    send.click();
    toolbar.linked(false);
    expect(send.disabled).toBe(false);
  });
});
