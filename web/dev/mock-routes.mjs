// Development aid, not part of the build: the routes of ccc/openapi.json over the fixtures.
import { randomUUID } from 'node:crypto';
import { idOf, makeFixtures } from './fixtures.mjs';

const now = () => new Date().toISOString().replace(/\.\d+/, '');
const KIND = { users: 'user', groups: 'group', images: 'image', specs: 'spec', pools: 'pool', entitlements: 'entitlement', desktops: 'desktop', blocks: 'block', modules: 'module', bservers: 'bserver', vfs: 'vf', nodes: 'node' };

export function makeRoutes({ openapi, displays }) {
  const db = makeFixtures();
  const sessions = new Map();
  const streams = new Set();
  const table = Object.entries(openapi.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => method !== 'servers')
      .map(([method, spec]) => ({ method, path, spec, pattern: new RegExp(`^/api/v1${path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`), query: parametersOf(openapi, spec) })),
  );
  const changed = (kind, ...ids) => {
    for (const stream of streams) stream.write(`event: changed\ndata: ${JSON.stringify({ kind, ids })}\n\n`);
  };
  setInterval(() => streams.forEach((stream) => stream.write(': hello\n\n')), 15_000).unref();
  const handlers = makeHandlers({ db, sessions, streams, changed, displays });

  return async function handle({ request, response, url, body, node, problem }) {
    const route = table.find((one) => one.method === request.method.toLowerCase() && one.pattern.test(url.pathname));
    if (request.method === 'OPTIONS') {
      response.writeHead(204, cors(request));
      response.end();
      return;
    }
    if (!route || (node === 'bcenter' && !route.spec['x-module'])) return problem(404, 'not-found', 'No such thing', url.pathname);
    for (const name of url.searchParams.keys()) {
      if (!route.query.has(name)) return problem(400, 'invalid-request', 'The request is not valid', `unknown query parameter ${name}`);
    }
    const cookie = new RegExp(`bic_session_${node}=([^;]+)`).exec(request.headers.cookie ?? '')?.[1];
    const me = sessions.get(cookie) ?? null;
    if (route.spec['x-perm'] !== 'anyone') {
      if (!me) return problem(401, 'not-signed-in', 'Sign in first');
      if (route.spec['x-perm'] === 'admin' && me.user.role !== 'admin') return problem(403, 'forbidden', 'This action is not permitted');
      if (request.method !== 'GET' && request.headers['x-csrf-token'] !== me.csrf) return problem(403, 'csrf', 'The X-CSRF-Token header is missing or wrong');
    }
    const path = route.pattern.exec(url.pathname).groups ?? {};
    const json = body.length && request.headers['content-type']?.includes('json') ? JSON.parse(body.toString()) : {};
    const send = (status, data, headers = {}) => {
      response.writeHead(status, { 'Content-Type': 'application/json', 'X-Request-Id': 'mock-trace-0002', 'Cache-Control': 'no-store', ...cors(request), ...headers });
      response.end(data === undefined ? '' : JSON.stringify(data));
    };
    const context = { request, response, url, query: url.searchParams, path, json, body, node, me, cookie, send, problem };
    const own = handlers[route.spec.operationId];
    if (own) return own(context);
    return generic(context, route, db, changed);
  };
}

function cors(request) {
  return { 'Access-Control-Allow-Origin': request.headers.origin ?? '*', 'Access-Control-Allow-Headers': 'Content-Type' };
}

function parametersOf(openapi, spec) {
  const resolved = (spec.parameters ?? []).map((one) => (one.$ref ? openapi.components.parameters[one.$ref.split('/').pop()] : one));
  return new Set(resolved.filter((one) => one.in === 'query').map((one) => one.name));
}

export function page(items, query) {
  const sort = query.get('sort');
  const sorted = sort ? [...items].sort(bySort(sort)) : items;
  const limit = Number(query.get('limit') ?? 50);
  const from = Number(query.get('cursor') ?? 0);
  return { items: sorted.slice(from, from + limit), next: from + limit < sorted.length ? String(from + limit) : null, as_of: now() };
}

function bySort(sort) {
  const down = sort.startsWith('-');
  const field = sort.replace(/^-/, '');
  return (a, b) => String(a[field] ?? '').localeCompare(String(b[field] ?? ''), 'ko', { numeric: true }) * (down ? -1 : 1);
}

/** List, create, read, patch and delete of the plain things. */
function generic({ request, query, path, json, send, problem }, route, db, changed) {
  const name = route.path.split('/')[1];
  const rows = db[name];
  const one = path.id && rows?.find((row) => row.id === path.id);
  if (!rows || (path.id && !one)) return problem(404, 'not-found', 'No such thing', route.path);
  const kind = KIND[name];
  if (request.method === 'GET') return path.id ? send(200, show(db, name, one), { ETag: `"${one.generation}"` }) : send(200, page(rows.filter((row) => matches(row, query)).map((row) => show(db, name, row)), query));
  if (request.method === 'POST') {
    if (json.name && rows.some((row) => row.name === json.name)) return problem(409, 'name-taken', 'This name is in use', json.name);
    const row = { id: randomUUID(), description: '', ...json, generation: 1, created_at: now() };
    if (name === 'groups') row.members = [];
    rows.push(row);
    changed(kind, row.id);
    return send(201, show(db, name, row), { ETag: '"1"' });
  }
  const match = request.headers['if-match'];
  if (!match) return problem(428, 'if-match-required', 'Send If-Match with the generation you read');
  if (match !== `"${one.generation}"`) return problem(412, 'stale-generation', 'Somebody changed it meanwhile', `It is at generation ${one.generation}.`);
  if (request.method === 'DELETE') {
    rows.splice(rows.indexOf(one), 1);
    changed(kind, one.id);
    return send(204);
  }
  Object.assign(one, json);
  one.generation += 1;
  changed(kind, one.id);
  return send(200, show(db, name, one), { ETag: `"${one.generation}"` });
}

function matches(row, query) {
  for (const [name, value] of query) {
    if (['limit', 'cursor', 'sort'].includes(name)) continue;
    if (name === 'q') {
      if (!`${row.name} ${row.username ?? ''} ${row.display_name ?? ''}`.includes(value)) return false;
    } else if (String(row[name]) !== value) return false;
  }
  return true;
}

function show(db, name, row) {
  const count = (rows, test) => rows.filter(test).length;
  if (name === 'users') return { ...row, password: undefined };
  if (name === 'groups') return { ...row, members: undefined, member_count: row.members.length };
  if (name === 'images') return { ...row, latest_version: db.versions.filter((version) => version.image_id === row.id).at(-1) ?? null };
  if (name === 'desktops') return { ...row, allowed_actions: allowed(row, 'admin'), as_of: now() };
  if (name === 'pools') {
    const mine = db.desktops.filter((one) => one.pool_id === row.id);
    return { ...row, shares: row.shares.map((share) => ({ state: 'wanted', ...share })), counts: { desktops: mine.length, running: count(mine, (one) => one.observed === 'running'), ready: count(mine, (one) => one.state === 'ready'), assigned: count(mine, (one) => one.person_id), in_use: count(mine, (one) => one.session) } };
  }
  if (name === 'bservers') {
    const mine = db.desktops.filter((one) => one.bserver_id === row.id);
    const vfs = db.vfs.filter((vf) => vf.bserver_id === row.id);
    return { ...row, lanes: row.lanes.map((lane) => ({ ...lane, used: count(mine, (one) => one.lane === lane.no) })), slots_used: mine.length, desktops: mine.length, running: count(mine, (one) => one.observed === 'running'), vfs: vfs.length, vfs_used: count(vfs, (vf) => vf.state === 'assigned'), as_of: now() };
  }
  if (name === 'modules') {
    const hosts = db.bservers.filter((one) => one.module_id === row.id);
    const mine = db.desktops.filter((one) => one.module_id === row.id);
    const vfs = db.vfs.filter((vf) => hosts.some((host) => host.id === vf.bserver_id));
    return { ...row, counts: { bservers: hosts.length, desktops: mine.length, running: count(mine, (one) => one.observed === 'running'), sessions: count(mine, (one) => one.session), slots: hosts.reduce((sum, host) => sum + host.slots, 0), slots_used: mine.length, vfs: vfs.length, vfs_used: count(vfs, (vf) => vf.state === 'assigned') }, as_of: now() };
  }
  return row;
}

function allowed(row, role) {
  if (row.operation || row.state === 'unknown') return [];
  const power = row.observed === 'running' ? ['shutdown', 'stop', 'reboot', 'reset'] : ['start'];
  return role === 'admin' ? [...power, 'rebuild', 'delete', ...(row.person_id ? ['unassign'] : [])] : power;
}

function makeHandlers({ db, sessions, streams, changed, displays }) {
  const person = (user) => ({ id: user.id, username: user.username, display_name: user.display_name, role: user.role });
  const logins = () => db.modules.map(({ id, name, login }) => ({ id, name, login }));
  const mineOf = (user) => db.desktops.filter((one) => one.person_id === user.id).map((one) => ({ ...one, allowed_actions: allowed(one, 'user'), as_of: now() }));
  const operation = (verb, target, stages, me) => {
    const one = { id: randomUUID(), verb, target, state: 'queued', percent: 0, stage: stages[0], stages: stages.map((name) => ({ name, state: 'waiting', at: null })), asked_by: me.user.username, created_at: now(), started_at: null, ended_at: null, deadline: new Date(Date.now() + 300_000).toISOString(), error: null, result: null, generation: 1 };
    db.operations.unshift(one);
    changed('operation', one.id);
    return one;
  };
  const advance = (one, every, done) => {
    const step = one.stages.findIndex((stage) => stage.state !== 'done');
    if (one.state === 'cancelled') return;
    one.state = 'running';
    one.started_at ??= now();
    const running = one.stages[step];
    if (running.state === 'waiting') running.state = 'running';
    else Object.assign(running, { state: 'done', at: now() });
    const count = one.stages.filter((stage) => stage.state === 'done').length;
    one.percent = Math.round((count / one.stages.length) * 100);
    one.stage = one.stages.find((stage) => stage.state !== 'done')?.name ?? null;
    if (count === one.stages.length) {
      Object.assign(one, { ended_at: now() });
      done();
    } else setTimeout(() => advance(one, every, done), every);
    one.generation += 1;
    changed('operation', one.id);
  };
  const connection = (desktop) => {
    const id = randomUUID();
    desktop.session = { id, since: now(), screen: 'open' };
    desktop.state = 'in_use';
    db.connections.push({ id, desktop });
    changed('desktop', desktop.id);
    return { id, desktop_id: desktop.id, display: ticket(), expires_at: new Date(Date.now() + 30_000).toISOString(), resume: randomUUID(), login: 'http://127.0.0.1:4181/api/v1' };
  };
  const ticket = () => ({ url: 'ws://127.0.0.1:4182/display', protocols: ['bic.display.v1', `bic.ticket.${randomUUID()}`] });
  const signedIn = (context) => ({ ...person(context.me.user), csrf: context.me.csrf, expires_at: context.me.expires_at, modules: logins(), locale: context.me.user.locale, events: context.node === 'ccc' });

  return {
    createSession({ json, node, send, problem }) {
      const user = db.users.find((one) => one.username === json.username && one.password === json.password && !one.disabled);
      if (!user) return setTimeout(() => problem(401, 'bad-credentials', 'User name or password is wrong'), 80);
      const session = { user, csrf: randomUUID(), expires_at: new Date(Date.now() + 8 * 3_600_000).toISOString() };
      const token = randomUUID();
      sessions.set(token, session);
      return send(201, { token, expires_at: session.expires_at, csrf: session.csrf, person: person(user), modules: logins() }, { 'Set-Cookie': `bic_session_${node}=${token}; HttpOnly; SameSite=Strict; Path=/` });
    },
    deleteSession({ cookie, send }) {
      sessions.delete(cookie);
      send(204);
    },
    getMe: (context) => context.send(200, signedIn(context)),
    listMyDesktops: ({ me, query, send }) => send(200, page(mineOf(me.user), query)),
    listPools(context) {
      const { me, query, send } = context;
      if (me.user.role === 'admin' && query.get('mine') !== 'true') return send(200, page(db.pools.map((pool) => show(db, 'pools', pool)), query));
      const ids = new Set(db.entitlements.filter((one) => one.user_id === me.user.id).map((one) => one.pool_id));
      const pools = db.pools.filter((pool) => ids.has(pool.id)).map((pool) => ({ id: pool.id, name: pool.name, description: pool.description, kind: pool.kind, image_name: db.images.find((image) => image.id === pool.image_id).name, desktop_id: mineOf(me.user).find((one) => one.pool_id === pool.id)?.id ?? null }));
      return send(200, page(pools, query));
    },
    createConnection({ json, me, send, problem }) {
      let desktop = mineOf(me.user).find((one) => one.id === json.desktop_id || one.pool_id === json.pool_id);
      if (desktop) desktop = db.desktops.find((one) => one.id === desktop.id);
      if (json.pool_id === db.pools[3].id) return problem(409, 'law-vf', 'No free virtual function', 'All 28 virtual functions that fit are taken; the pool needs one per desktop.');
      desktop ??= db.desktops.find((one) => one.pool_id === json.pool_id && !one.person_id && one.observed === 'off');
      if (!desktop) return problem(404, 'desktop-not-found', 'No such desktop');
      Object.assign(desktop, { person_id: me.user.id, username: me.user.username });
      if (desktop.observed === 'running') return send(201, connection(desktop));
      const one = operation('connect', { kind: 'desktop', id: desktop.id, name: desktop.name }, ['placing', 'preparing_disk', 'starting', 'booting', 'ready'], me);
      Object.assign(desktop, { state: 'starting', operation: { id: one.id, verb: 'connect', stage: 'placing', percent: 0 } });
      advance(one, 600, () => {
        Object.assign(desktop, { state: 'ready', observed: 'running', power_wanted: 'on', operation: null, ready: true });
        Object.assign(one, { state: 'succeeded', result: connection(desktop) });
      });
      return send(202, one, { Location: `/api/v1/operations/${one.id}` });
    },
    getConnection: ({ path, send, problem }) => {
      const one = db.connections.find(({ id }) => id === path.id);
      return one ? send(200, { id: one.id, desktop_id: one.desktop.id, state: one.desktop.session ? 'live' : 'ended', since: now() }) : problem(404, 'not-found', 'No such thing');
    },
    deleteConnection({ path, send }) {
      const one = db.connections.find(({ id }) => id === path.id);
      const live = one?.desktop ?? db.desktops.find(({ session }) => session?.id === path.id);
      if (live) Object.assign(live, { session: null, state: 'ready' });
      displays.at(-1)?.close(4001);
      changed('desktop', live?.id);
      send(204);
    },
    createTicket: ({ send }) => send(201, { display: ticket(), expires_at: new Date(Date.now() + 30_000).toISOString() }),
    listConnections({ query, send }) {
      const live = db.desktops.filter(({ session }) => session).map((one) => ({ id: one.session.id, desktop_id: one.id, desktop_name: one.name, person_id: one.person_id ?? idOf('nobody'), username: one.username ?? 'staff001', module_id: one.module_id, bserver_id: one.bserver_id, since: one.session.since, screen: one.session.screen }));
      send(200, page(live, query));
    },
    listGroupMembers({ path, query, send }) {
      const group = db.groups.find(({ id }) => id === path.id);
      send(200, page(db.users.filter(({ id }) => group.members.includes(id)).map((user) => show(db, 'users', user)), query));
    },
    addGroupMember({ path, send }) {
      const group = db.groups.find(({ id }) => id === path.id);
      if (!group.members.includes(path.user_id)) group.members.push(path.user_id);
      changed('group', group.id);
      send(204);
    },
    removeGroupMember({ path, send }) {
      const group = db.groups.find(({ id }) => id === path.id);
      group.members = group.members.filter((id) => id !== path.user_id);
      changed('group', group.id);
      send(204);
    },
    listImageVersions: ({ path, query, send }) => send(200, page(db.versions.filter((one) => one.image_id === path.id), query)),
    createImageVersion({ path, body, send, problem }) {
      if (body.subarray(0, 3).toString() !== 'QFI') return problem(422, 'image-invalid', 'The image file cannot be accepted', 'The file does not begin with the qcow2 magic.');
      const mine = db.versions.filter((one) => one.image_id === path.id);
      const one = { id: randomUUID(), image_id: path.id, number: mine.length + 1, sha256: '0'.repeat(64), size: body.length, virtual_size: body.length * 8, format: 'qcow2', state: 'ready', generation: 1, created_at: now() };
      db.versions.push(one);
      changed('image', path.id);
      return send(201, one);
    },
    deleteImageVersion({ path, send }) {
      db.versions = db.versions.filter(({ id }) => id !== path.version_id);
      changed('image', path.id);
      send(204);
    },
    createDesktopAction({ path, json, me, send, problem }) {
      const row = db.desktops.find(({ id }) => id === path.id);
      if (!allowed(row, me.user.role).includes(json.action)) return problem(409, 'desktop-state', 'The desktop is in another state', `The desktop is ${row.state}.`);
      const words = { start: ['starting', 'running', 'ready'], shutdown: ['stopping', 'off', 'off'], stop: ['stopping', 'off', 'off'], reboot: ['rebooting', 'running', 'ready'], reset: ['rebooting', 'running', 'ready'], rebuild: ['rebuilding', 'off', 'off'], delete: ['deleting', 'off', 'off'], unassign: ['rebuilding', 'off', 'off'] }[json.action];
      const one = operation(json.action, { kind: 'desktop', id: row.id, name: row.name }, ['starting', 'booting', 'ready'], me);
      Object.assign(row, { state: words[0], operation: { id: one.id, verb: json.action, stage: 'starting', percent: 10 } });
      changed('desktop', row.id);
      advance(one, 900, () => {
        Object.assign(row, { observed: words[1], state: words[2], operation: null });
        one.state = 'succeeded';
        changed('desktop', row.id);
      });
      return send(202, one);
    },
    listOperations({ query, me, send }) {
      const mine = query.get('mine') === 'true';
      const rows = db.operations.filter((one) => (!mine || one.asked_by === me.user.username) && (!query.get('state') || one.state === query.get('state')) && (!query.get('target_id') || one.target.id === query.get('target_id')) && (!query.get('ended_since') || (one.ended_at ?? '') >= query.get('ended_since')));
      send(200, page(rows, query));
    },
    async getOperation({ path, query, send, problem }) {
      const one = db.operations.find(({ id }) => id === path.id);
      if (!one) return problem(404, 'not-found', 'No such thing');
      const before = one.generation;
      for (let i = 0; i < Number(query.get('wait') ?? 0) * 10 && one.generation === before && !one.ended_at; i += 1) await new Promise((done) => setTimeout(done, 100));
      return send(200, one);
    },
    cancelOperation({ path, send, problem }) {
      const one = db.operations.find(({ id }) => id === path.id);
      if (one.ended_at) return problem(409, 'operation-ended', 'The operation has ended');
      Object.assign(one, { state: 'cancelled', ended_at: now() });
      changed('operation', one.id);
      return send(202, one);
    },
    createBserverAction({ path, json, me, send }) {
      const row = db.bservers.find(({ id }) => id === path.id);
      row.state = json.action === 'maintenance' ? 'maintenance' : 'up';
      changed('bserver', row.id);
      send(202, operation(json.action, { kind: 'bserver', id: row.id, name: row.name }, ['ready'], me));
    },
    createNodeToken: ({ send }) => send(201, { token: `bic_join_${randomUUID()}`, expires_at: new Date(Date.now() + 3_600_000).toISOString(), block_id: null, module_id: null }),
    listAudit({ query, send }) {
      send(200, page(db.audit.filter((one) => matches(one, new URLSearchParams([...query].filter(([name]) => name !== 'since')))), query));
    },
    streamEvents({ request, response }) {
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
      response.write(': hello\n\n');
      streams.add(response);
      request.on('close', () => streams.delete(response));
    },
  };
}
