// The desktop client's page: gets its Connection, shows the screen, and says how it ended.
import { ApiProblem, asProblem } from '../api/problem';
import type { Connection } from '../api/types';
import { currentLanguage } from '../i18n/language';
import './client.css';
import { el } from './dom';
import { remember, remembered, startPage, takeHandover } from './handover';
import { Pages } from './pages';
import { endSession, openConnection } from './rest';
import { Screen } from './screen';
import { t } from './strings';
import { Toolbar } from './toolbar';

let screen: Screen | null = null;
/** What the link does is not shown meanwhile. */
let isEnding = false;

const home = () => window.location.assign('/');
/** The portal's starting page shows the stages of a desktop that must boot. */
const start = () => window.location.assign(startPage(remembered()));

const pages = new Pages({ start, home, takeBack: start, retryNow: () => screen?.retryNow() });

async function fetchConnection(): Promise<Connection | null> {
  const handover = takeHandover();
  if (handover) return handover.connection;
  const desktop = remembered();
  if (!desktop) {
    home();
    return null;
  }
  pages.connecting(t('opening'));
  const opened = await openConnection(desktop.pool_id);
  if (opened.kind === 'connection') return opened.connection;
  start();
  return null;
}

/** The session ends before the screen is left: where it could not be ended, she is still in it. */
async function end(connection: Connection): Promise<void> {
  isEnding = true;
  pages.ending();
  try {
    await endSession(connection);
    screen?.leave();
    document.body.dataset.link = 'ended';
    pages.ended('session-ended', null);
  } catch (error) {
    const retry = () => void end(connection);
    pages.endingFailed(asProblem(error), retry, () => {
      isEnding = false;
      screen?.report();
      screen?.focus();
    });
  }
}

function show(connection: Connection, place: HTMLElement): void {
  const before = remembered();
  const name = before?.name || t('desktop');
  if (before) remember({ ...before, desktop_id: connection.desktop_id });
  document.title = t('title', { name });
  let toolbar: Toolbar | null = null;
  screen = new Screen(place, connection, {
    state(link, problem) {
      document.body.dataset.link = link.phase;
      toolbar?.linked(link.phase === 'connected');
      if (isEnding) return;
      if (link.phase === 'connected') {
        document.title = t('title', { name });
        pages.clear();
      } else if (link.phase === 'reconnecting') pages.reconnecting(link.attempt, link.delay);
      else if (link.phase === 'ended' && link.end) pages.ended(link.end, problem);
      else pages.connecting(t('connecting'));
    },
  });
  toolbar = new Toolbar(screen, {
    leave() {
      screen?.leave();
      home();
    },
    end: () => void end(connection),
  });
  pages.connecting(t('connecting'));
  screen.start();
}

async function main(): Promise<void> {
  document.documentElement.lang = currentLanguage();
  const place = el('main', { class: 'screen', 'aria-label': t('screen') });
  document.getElementById('client')?.append(place);
  try {
    const connection = await fetchConnection();
    if (connection) show(connection, place);
  } catch (error) {
    if (error instanceof ApiProblem && error.status === 401) start();
    else pages.failed(asProblem(error));
  }
}

void main();
