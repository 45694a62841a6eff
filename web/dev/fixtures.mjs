// Development aid, not part of the build: a small installation to look at.
import { createHash } from 'node:crypto';

export function idOf(text) {
  const hex = createHash('sha1').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

const START = Date.now() - 3 * 86_400_000;
export const at = (minutesAgo) => new Date(Date.now() - minutesAgo * 60_000).toISOString().replace(/\.\d+/, '');
const thing = (key, rest, i = 0) => ({
  id: idOf(key),
  ...rest,
  generation: 1 + (i % 5),
  created_at: new Date(START + i * 300_000).toISOString().replace(/\.\d+/, ''),
});

const PEOPLE = ['김민지', '이준호', '박서연', '최지우', '정하윤', '강도현', '조은서', '윤시우', '장예린', '임건우', '한소율', '오지호'];

export function makeFixtures() {
  const users = [
    thing('user/admin', { username: 'admin', display_name: '관리자', role: 'admin', disabled: false, locale: 'ko', password: 'administrator' }),
    thing('user/user', { username: 'user', display_name: '김민지', role: 'user', disabled: false, locale: null, password: 'desktop-user' }),
    thing('user/newcomer', { username: 'newcomer', display_name: 'Lee Newcomer', role: 'user', disabled: false, locale: 'en', password: 'desktop-user' }),
    ...Array.from({ length: 140 }, (_, i) =>
      thing(`user/${i}`, { username: `staff${String(i + 1).padStart(3, '0')}`, display_name: PEOPLE[i % PEOPLE.length], role: 'user', disabled: i % 37 === 5, locale: 'ko' }, i),
    ),
  ];
  const groups = ['총무팀', '연구소', '1학년 2반', 'Contractors'].map((name, i) => thing(`group/${name}`, { name, description: '', members: users.slice(3 + i * 20, 15 + i * 20).map((user) => user.id) }, i));
  const images = [
    thing('image/0', { name: 'Debian 12 데스크톱', description: 'openbox, ibus-hangul', guest: 'bic' }),
    thing('image/1', { name: 'Windows 11 업무용', description: '', guest: 'cloudbase-init' }, 1),
    thing('image/2', { name: 'Tiny', description: 'kernel and busybox', guest: 'none' }, 2),
  ];
  const versions = images.flatMap((image, i) =>
    [1, 2].slice(0, i === 2 ? 1 : 2).map((number) =>
      thing(`version/${i}/${number}`, { image_id: image.id, number, sha256: idOf(`${i}${number}`).replaceAll('-', '').padEnd(64, '0'), size: 383_778_816 * (i + 1), virtual_size: 4_294_967_296 * (i * 8 + 1), format: 'qcow2', state: 'ready' }, number),
    ),
  );
  const specs = [
    ['작음', 2, 2048, false],
    ['보통', 4, 8192, false],
    ['GPU·VF', 8, 16384, true],
  ].map(([name, vcpus, memory_mib, needs_vf], i) => thing(`spec/${i}`, { name, vcpus, memory_mib, firmware: i ? 'uefi' : 'bios', tpm: i === 1, disk_bus: 'virtio', nic_model: 'virtio', video: 'virtio', disk_gib: i ? 64 : null, needs_vf }, i));
  const block = thing('block/0', { name: 'block-1', xcenters: [0, 1].map((i) => ({ id: idOf(`xcenter/${i}`), url: `https://127.0.0.1:${9100 + i}`, state: 'up', last_heard: at(0.02) })), modules: [idOf('module/0'), idOf('module/1')] });
  const modules = [0, 1].map((i) => thing(`module/${i}`, { name: `module-${i + 1}`, block_id: block.id, state: i ? 'silent' : 'up', last_heard: at(i ? 4 : 0.03), login: i ? 'http://127.0.0.1:4189/api/v1' : 'http://127.0.0.1:4181/api/v1', epoch: 3, version: '0.1.0' }, i));
  const bservers = Array.from({ length: 20 }, (_, i) => {
    const kind = i < 2 ? 'embedded' : 'simulated';
    const state = i === 14 ? 'silent' : i === 6 ? 'maintenance' : 'up';
    return thing(`bserver/${i}`, {
      name: `bserver-${String(i + 1).padStart(2, '0')}`, module_id: modules[i < 10 ? 0 : 1].id, kind, state, last_heard: at(state === 'silent' ? 6 : 0.05), boot: idOf(`boot/${i}`), agent_version: '0.1.0',
      cores: 16, threads: 32, memory_mib: 262_144, memory_used_mib: 20_000 + i * 9_000, accelerator: kind === 'embedded' ? 'tcg' : 'none',
      capabilities: { screen: kind === 'embedded', vf_counters: false, guest_channel: true, formats: ['qcow2'] },
      lanes: [0, 1].map((no) => ({ no, url: `ws://127.0.0.1:4182/display?lane=${no}`, slots: 48, used: 0 })),
      slots: 96, storage: { store: 'local', size_gib: 4000, free_gib: 4000 - i * 170 }, drift: i === 3 ? [{ kind: 'foreign-domain', detail: 'A machine named "test" is not known here; it is left alone.' }] : [],
    }, i);
  });
  const pools = [
    ['사무용', 'persistent', 0, 0, 40],
    ['교육장', 'floating', 0, 0, 80],
    ['Windows 업무', 'persistent', 1, 1, 20],
    ['연구용 VF', 'floating', 2, 2, 10],
  ].map(([name, kind, image, spec, size], i) =>
    thing(`pool/${i}`, {
      name, description: i === 1 ? '매번 깨끗하게 시작하는 실습 환경' : '', kind, image_id: images[image].id, image_version_id: versions.filter((version) => version.image_id === images[image].id).at(-1).id, spec_id: specs[spec].id,
      shares: modules.slice(0, i === 3 ? 1 : 2).map((module) => ({ module_id: module.id, size: size / 2, state: 'acknowledged' })), spares_running: i,
    }, i),
  );
  const states = ['in_use', 'ready', 'running', 'off', 'off', 'in_use', 'starting', 'unknown', 'failed', 'paused'];
  const desktops = pools.flatMap((pool, p) =>
    Array.from({ length: [40, 80, 20, 10][p] }, (_, i) => {
      const state = states[(i + p) % states.length];
      const bserver = bservers[(i * 7 + p * 3) % 20];
      const person = pool.kind === 'persistent' || state === 'in_use' ? users[3 + ((i + p * 40) % 120)] : null;
      return desktop(`${['office', 'class', 'windows', 'lab'][p]}-${String(i + 1).padStart(3, '0')}`, pool, bserver, person, state, i);
    }),
  );
  const mine = [
    desktop('office-107', pools[0], bservers[0], users[1], 'ready', 3),
    desktop('windows-031', pools[2], bservers[1], users[1], 'off', 4),
  ];
  const entitlements = [[0, null, 0], [1, null, 2], [1, 1, null], [2, 1, null], [0, 1, null], [3, 1, null]].map(([pool, user, group], i) => thing(`entitlement/${i}`, { pool_id: pools[pool].id, user_id: user === null ? null : users[user].id, group_id: group === null ? null : groups[group].id }, i));
  const vfs = bservers.slice(0, 10).flatMap((bserver, b) =>
    Array.from({ length: 14 }, (_, i) => thing(`vf/${b}/${i}`, { bserver_id: bserver.id, pf: `enp${1 + Math.floor(i / 7)}s0f0`, address: `0000:0${1 + Math.floor(i / 7)}:10.${i % 7}`, index: i % 7, mac: i % 3 === 0 ? `52:54:00:00:${String(b).padStart(2, '0')}:${String(i).padStart(2, '0')}` : null, vlan: i % 3 === 0 ? 100 + b : null, state: i % 3 === 0 ? 'assigned' : i === 4 ? 'quarantine' : i === 8 && b === 2 ? 'lost' : 'free', desktop_id: i % 3 === 0 ? desktops[140 + (i % 10)].id : null })),
  );
  const nodes = [['xcenter', 'xcenter-1'], ['bcenter', 'module-1'], ['bcenter', 'module-2'], ...bservers.slice(0, 6).map((one) => ['bserver', one.name])].map(([kind, name], i) => thing(`node/${name}`, { kind, name, serial: idOf(name).slice(0, 18).replaceAll('-', ''), not_after: '2027-11-20T00:00:00Z', last_heard: at(0.1) }, i));
  const operations = makeOperations(desktops);
  const audit = Array.from({ length: 90 }, (_, i) => {
    const action = ['session.create', 'desktop.start', 'pool.update', 'connection.create', 'user.create', 'session.create'][i % 6];
    const failed = i % 9 === 5;
    return { id: idOf(`audit/${i}`), at: at(i * 7), actor_id: users[i % 9].id, actor_name: users[i % 9].username, action, target_kind: action.split('.')[0], target_id: desktops[i].id, target_name: action.startsWith('desktop') ? desktops[i].name : null, result: failed ? 'bad-credentials' : 'ok', trace_id: idOf(`trace/${i}`).slice(0, 18).replaceAll('-', ''), origin: 'ccc/ccc-1', detail: null };
  });
  return { users, groups, images, versions, specs, blocks: [block], modules, bservers, pools, desktops: [...mine, ...desktops], entitlements, vfs, nodes, operations, audit, connections: [] };
}

export function desktop(name, pool, bserver, person, state, i) {
  const on = ['in_use', 'ready', 'running', 'starting', 'paused'].includes(state);
  const busy = state === 'starting';
  return thing(`desktop/${name}`, {
    name, pool_id: pool.id, pool_name: pool.name, kind: pool.kind, module_id: bserver.module_id, bserver_id: bserver.id, bserver_name: bserver.name, person_id: person?.id ?? null, username: person?.username ?? null,
    state, power_wanted: on ? 'on' : 'off', observed: state === 'unknown' ? 'unknown' : state === 'paused' ? 'paused' : on && !busy ? 'running' : 'off', as_of: at(0.03), run_id: on ? idOf(`run/${name}`) : null, ready: state === 'ready' || state === 'in_use',
    slot: i, lane: i % 2, vf_id: null, mac: `52:54:00:10:00:${(i % 256).toString(16).padStart(2, '0')}`, image_version_id: pool.image_version_id,
    session: state === 'in_use' ? { id: idOf(`session/${name}`), since: at(40 + i), screen: i % 4 ? 'open' : 'closed' } : null,
    operation: busy ? { id: idOf(`operation/${name}`), verb: 'start', stage: 'booting', percent: 60 } : null,
    reason: state === 'failed' ? { slug: 'law-memory', detail: 'bserver-03 has 812 MiB free, 2,048 MiB are needed.' } : state === 'unknown' ? { slug: 'desktop-lost', detail: `${bserver.name} has not been heard of for 6 minutes.` } : null,
  }, i);
}

function makeOperations(desktops) {
  const kinds = ['succeeded', 'running', 'failed', 'succeeded', 'queued', 'succeeded', 'cancelled', 'failed'];
  return Array.from({ length: 64 }, (_, i) => {
    const state = i < 3 ? 'running' : kinds[i % kinds.length];
    const target = desktops[i * 2];
    const ended = !['running', 'queued'].includes(state);
    const names = ['placing', 'preparing_disk', 'starting', 'booting', 'ready'];
    const reached = state === 'succeeded' ? 5 : state === 'queued' ? 0 : 2;
    return {
      id: idOf(`operation/${i}`), verb: ['start', 'reboot', 'rebuild', 'shutdown'][i % 4], target: { kind: 'desktop', id: target.id, name: target.name }, state, percent: state === 'succeeded' ? 100 : reached * 20, stage: ended ? null : (names[reached] ?? null),
      stages: names.map((name, n) => ({ name, state: n < reached ? 'done' : n === reached && state === 'running' ? 'running' : n === reached && state === 'failed' ? 'failed' : 'waiting', at: n < reached ? at(i * 5) : null })),
      asked_by: i % 3 ? 'admin' : 'staff004', created_at: at(i * 5), started_at: state === 'queued' ? null : at(i * 5 - 0.1), ended_at: ended ? at(i * 5 - 1) : null, deadline: at(i * 5 - 10),
      error: state === 'failed' ? { type: '/problems/deadline-passed', title: 'It did not finish before its deadline', status: 504, detail: `The desktop did not report its run within 300 s. Host: ${target.bserver_name}.`, instance: 'urn:trace:9c1f0a77b2e4d310', origin: 'bcenter/module-1', retryable: true } : null,
      result: null, generation: 1,
    };
  });
}
