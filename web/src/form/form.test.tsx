// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, configure, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import i18next from 'i18next';
import type { ReactNode } from 'react';
import { initReactI18next } from 'react-i18next';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { EntitlementDialog } from '../admin/EntitlementDialog';
import { PoolFormPage } from '../admin/PoolFormPage';
import { SpecDialog } from '../admin/SpecDialog';
import { UserDialog } from '../admin/UserDialog';
import type { Module, Pool, Spec, User } from '../api/types';
import admin from '../i18n/ko/admin.json';
import common from '../i18n/ko/common.json';
import portal from '../i18n/ko/portal.json';
import problems from '../i18n/ko/problems.json';
import { ProblemNote } from '../shell/ProblemNote';

// A busy machine is no failure.
configure({ asyncUtilTimeout: 15_000 });
vi.setConfig({ testTimeout: 60_000 });

beforeAll(async () => {
  await i18next.use(initReactI18next).init({ lng: 'ko', interpolation: { escapeValue: false }, resources: { ko: { translation: { ...common, ...portal, ...admin, ...problems } } } });
  Element.prototype.scrollIntoView = vi.fn();
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

type Answer = { status: number; body: unknown };
const ok = (body: unknown, status = 200): Answer => ({ status, body });
const list = (...items: unknown[]) => ok({ items, next: null, as_of: '2026-01-01T00:00:00Z' });
const refusal = (status: number, slug: string, detail: string, errors?: { pointer: string; message: string }[], numbers?: Record<string, number>): Answer =>
  ok({ type: `/problems/${slug}`, title: slug, status, detail, instance: 'urn:trace:t1', origin: 'ccc', retryable: false, ...(errors ? { errors } : {}), ...(numbers ? { numbers } : {}) }, status);

interface Sent {
  method: string;
  path: string;
  query: URLSearchParams;
  ifMatch: string | null;
  body: Record<string, unknown>;
}
let sent: Sent[];
let answers: Record<string, Answer | ((request: Sent) => Answer)>;
beforeEach(() => {
  sent = [];
  answers = {};
  vi.stubGlobal('fetch', (address: string, init: RequestInit) => {
    const url = new URL(address, 'http://portal');
    const request: Sent = { method: init.method ?? 'GET', path: url.pathname.replace('/api/v1', ''), query: url.searchParams, ifMatch: new Headers(init.headers).get('If-Match'), body: JSON.parse((init.body as string | undefined) ?? '{}') };
    sent.push(request);
    const found = answers[`${request.method} ${request.path}`] ?? list();
    const { status, body } = typeof found === 'function' ? found(request) : found;
    return Promise.resolve(new Response(JSON.stringify(body), { status }));
  });
});

function show(page: ReactNode, path = '/', route = '*') {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const router = createMemoryRouter([{ path: route, element: <QueryClientProvider client={client}>{page}</QueryClientProvider> }, { path: '*', element: null }], { initialEntries: [path] });
  render(<RouterProvider router={router} />);
}
const press = (name: string) => fireEvent.click(screen.getByRole('button', { name }));
const type = (label: RegExp | string, value: string) => fireEvent.change(screen.getByLabelText(label), { target: { value } });
/** Browsers check the form before they send it; jsdom does so too when the button is pressed. */
const lastSent = (method: string) => sent.filter((one) => one.method === method).at(-1);

const kim: User = { id: 'u1', username: 'kim', display_name: '김', role: 'user', disabled: false, locale: null, generation: 4, created_at: '2026-01-01T00:00:00Z' };

describe('a refusal', () => {
  it('is an alert that is read aloud, in the reader’s language; the server’s English is folded away', () => {
    render(<ProblemNote error={new TypeError('Failed to fetch')} />);
    const note = screen.getByRole('alert');
    expect(note.getAttribute('aria-live')).toBe('assertive');
    expect(note.textContent).toContain('오류:');
    expect(note.querySelector('details')?.textContent).toContain('Failed to fetch');
  });

  it('takes the focus to the first field with a fault, and is not told twice', async () => {
    answers['POST /users'] = refusal(409, 'name-taken', 'another user has this already', [{ pointer: '/username', message: 'another user has this already' }]);
    show(<UserDialog before={null} onClose={vi.fn()} />);
    type(/사용자 이름/, 'kim');
    type(/비밀번호/, 'long enough');
    press('만들기');
    const field = screen.getByLabelText(/사용자 이름/);
    await waitFor(() => expect(document.activeElement).toBe(field));
    expect(field.getAttribute('aria-invalid')).toBe('true');
    const help = document.getElementById(field.getAttribute('aria-describedby') ?? '');
    expect(help?.textContent).toContain(problems.said.taken);
    expect(screen.getByRole('alert').textContent).not.toContain(problems.said.taken);
  });

  it('takes the focus to the note when no field is to blame', async () => {
    answers['POST /users'] = refusal(503, 'db-unavailable', 'the database is away');
    show(<UserDialog before={null} onClose={vi.fn()} />);
    type(/사용자 이름/, 'kim');
    type(/비밀번호/, 'long enough');
    press('만들기');
    await waitFor(() => expect(document.activeElement?.className).toBe('form-note'));
    expect(document.activeElement?.textContent).toContain(problems.problemText['db-unavailable']);
  });

  it('stands at a check box too', async () => {
    answers['POST /specs'] = refusal(400, 'invalid-request', 'tpm must be true or false', [{ pointer: '/tpm', message: 'tpm must be true or false' }]);
    show(<SpecDialog before={null} onClose={vi.fn()} />);
    type(/^이름/, 'small');
    press('만들기');
    const box = screen.getByLabelText('TPM');
    await waitFor(() => expect(document.activeElement).toBe(box));
    expect(document.getElementById(box.getAttribute('aria-describedby') ?? '')?.textContent).toContain(problems.said.choice);
  });
});

describe('a pool', () => {
  const module = (id: string, name: string) => ({ id, name, counts: { slots: 10, slots_used: 0, vfs: 0, vfs_used: 0 } }) as unknown as Module;
  const pool = { id: 'p1', name: 'Office', description: '', kind: 'floating', image_id: 'i1', image_version_id: 'v1', spec_id: 's1', spares_running: 0, io: { job: 'session', per_job: null, per_start: null, modules: [] }, generation: 7, shares: [{ module_id: 'm1', size: 1, state: 'acknowledged' }, { module_id: 'm2', size: 2, state: 'acknowledged' }] } as unknown as Pool;
  const open = async () => {
    answers['GET /modules'] = list(module('m0', 'module-0'), module('m1', 'module-1'), module('m2', 'module-2'));
    answers['GET /images'] = list({ id: 'i1', name: 'Debian', latest_version: null });
    answers['GET /specs'] = list({ id: 's1', name: 'small' } as Spec);
    answers['GET /images/i1/versions'] = list({ id: 'v1', number: 1 });
    answers['GET /pools/p1'] ??= ok(pool);
    answers['POST /pools/preview'] = ok({ fits: true, each: {}, modules: [], as_of: '' });
    show(<PoolFormPage />, '/admin/pools/p1', '/admin/pools/:id');
    await screen.findByLabelText('module-2');
  };

  it('shows the fault of a share at the field of its module', async () => {
    answers['PATCH /pools/p1'] = refusal(400, 'invalid-request', 'share 1: size must be a whole number from 0 to 1000', [{ pointer: '/shares/1/size', message: 'share 1: size must be a whole number from 0 to 1000' }]);
    await open();
    press('저장');
    const field = screen.getByLabelText('module-2');
    await waitFor(() => expect(document.activeElement).toBe(field));
    expect(document.getElementById(field.getAttribute('aria-describedby') ?? '')?.textContent).toContain('0에서 1000 사이의 정수');
    expect(screen.getByRole('alert').textContent).not.toContain('shares');
    expect(screen.getByLabelText('module-1').getAttribute('aria-invalid')).toBe('false');
  });

  it('shows the fault of all shares at their group', async () => {
    answers['PATCH /pools/p1'] = refusal(409, 'pool-shrink', 'module module-2 has 2 assigned desktops of this pool', [{ pointer: '/shares', message: 'module module-2 has 2 assigned desktops of this pool' }], { assigned: 2, size: 1 });
    await open();
    press('저장');
    await waitFor(() => expect(document.activeElement?.id).toBe('shares'));
    expect(document.activeElement?.textContent).toContain('module-2');
  });

  it('that somebody changed meanwhile keeps what was entered, and is saved over the newest generation', async () => {
    const theirs = { ...pool, generation: 9, name: 'Office 2', description: 'theirs', spares_running: 2 };
    answers['PATCH /pools/p1'] = ({ ifMatch }) => (ifMatch === '"9"' ? ok({ ...theirs, generation: 10 }) : refusal(412, 'stale-generation', 'it has generation 9 now'));
    await open();
    type(/설명/, 'mine');
    answers['GET /pools/p1'] = ok(theirs);
    press('저장');
    const note = await screen.findByText(/다른 사람의 값: theirs/);
    const text = note.closest('[role=alert]')?.textContent ?? '';
    expect(text).toContain('이름: 다른 사람이 바꾼 값을 넣었습니다. Office 2');
    expect(text).toContain('켜 두는 여분: 다른 사람이 바꾼 값을 넣었습니다. 2');
    expect((screen.getByLabelText(/설명/) as HTMLInputElement).value).toBe('mine');
    expect((screen.getByLabelText(/^이름/) as HTMLInputElement).value).toBe('Office 2');
    press('저장');
    await waitFor(() => expect(lastSent('PATCH')?.ifMatch).toBe('"9"'));
    expect(lastSent('PATCH')?.body).toMatchObject({ name: 'Office 2', description: 'mine', spares_running: 2 });
  });
});

describe('a dialog whose thing somebody changed meanwhile', () => {
  it('reads it again and stays open with what was entered', async () => {
    const close = vi.fn();
    answers['PATCH /users/u1'] = ({ ifMatch }) => (ifMatch === '"5"' ? ok({ ...kim, generation: 6 }) : refusal(412, 'stale-generation', 'it has generation 5 now'));
    answers['GET /users/u1'] = ok({ ...kim, generation: 5, role: 'admin' });
    show(<UserDialog before={kim} onClose={close} />);
    type(/표시 이름/, '김철수');
    press('저장');
    expect(await screen.findByText('역할: 다른 사람이 바꾼 값을 넣었습니다. 관리자')).toBeTruthy();
    expect(close).not.toHaveBeenCalled();
    press('저장');
    await waitFor(() => expect(close).toHaveBeenCalled());
    expect(lastSent('PATCH')?.body).toMatchObject({ display_name: '김철수', role: 'admin' });
  });
});

describe('an entitlement for a person', () => {
  const open = () => {
    answers['GET /pools'] = list({ id: 'p1', name: 'Office' });
    answers['GET /users'] = ({ query }) => (query.get('q') ? ok({ items: [kim], next: null, as_of: '' }) : list());
    show(<EntitlementDialog onClose={vi.fn()} />);
  };

  it('says that nobody was chosen', async () => {
    open();
    await screen.findByRole('option', { name: 'Office' });
    type(/^풀/, 'p1');
    type(/대상/, 'person');
    press('만들기');
    const field = document.getElementById('field-user_id');
    await waitFor(() => expect(document.activeElement).toBe(field));
    expect(field?.getAttribute('aria-invalid')).toBe('true');
    expect(screen.getByText(admin.entitlements.choosePerson)).toBeTruthy();
    expect(lastSent('POST')).toBeUndefined();
  });

  it('asks the server for the name that is typed, and is made for who is picked', async () => {
    open();
    answers['POST /entitlements'] = ok({ id: 'e1' }, 201);
    await screen.findByRole('option', { name: 'Office' });
    type(/^풀/, 'p1');
    type(/대상/, 'person');
    fireEvent.change(document.getElementById('field-user_id') as HTMLInputElement, { target: { value: '김' } });
    fireEvent.click(await within(await screen.findByRole('list', { name: admin.picker.found })).findByRole('button', { name: /kim/ }));
    expect(sent.filter(({ path }) => path === '/users').map(({ query }) => query.get('q'))).toEqual(['김']);
    press('만들기');
    await waitFor(() => expect(lastSent('POST')?.body).toEqual({ pool_id: 'p1', user_id: 'u1' }));
  });
});
